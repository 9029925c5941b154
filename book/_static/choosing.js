/* What the reader of book/machine.md may choose, and the address that holds the choice.
 *
 *   const choice = choosing.choose({ task: "copy", machine: "ntm-lstm", length: 120, N: 128, seed: 1 });
 *   const batch = choosing.make_batch(choice); // what the machine is asked
 *
 * A choice: the machine that is offered (its entry in machines/index.js), the sizes of the task, N, seed, step (counted
 * from 0), flips (bits that the reader turned) and priorities (that the reader set).
 */
window.choosing = (() => {
  "use strict";

  const { whole, when_settled } = page;

  const [LEAST_N, MOST_N, MOST_SEED] = [4, 2048, 999999];

  // --- What there is to choose from: machines of which the page knows the task and the forward pass

  const offers = () => Object.values(ntm.offered).filter(({ task, kind }) => ntm.tasks[task] && ntm.kinds[kind]);
  const machines_for = (task) => offers().filter((offer) => offer.task === task);
  const tasks = () => Object.keys(ntm.tasks).filter((task) => machines_for(task).length);

  /** The least and the most that each size may be; some depend on the sizes before them. */
  function bounds(task, sizes) {
    const bound = ([name, { label, least, most }]) => [
      name,
      { label, least, most: typeof most === "function" ? most(sizes) : most },
    ];
    return Object.fromEntries(Object.entries(ntm.tasks[task].sizes).map(bound));
  }

  /** Whether an offer is what is asked for: by the machine's name or, as in links to older pages, by its controller. */
  const is_meant = ({ machine, controller }) => (offer) =>
    machine ? offer.machine === machine : controller && offer.config.controller === controller;

  /** A choice of what is given, every number brought into its range; what is missing is as in the machine's training. */
  function choose(given) {
    const task = tasks().includes(given.task) ? given.task : tasks()[0];
    const offer = machines_for(task).find(is_meant(given)) ?? machines_for(task).at(-1);
    const { config, resizable, settings } = offer;
    const seed = whole(given.seed ?? 1, 0, MOST_SEED);
    const sizes = {};
    for (const [name, { usual }] of Object.entries(ntm.tasks[task].sizes)) {
      const { least, most } = bounds(task, sizes)[name];
      const as_usual = usual ? usual(settings) : 1 + Math.floor(ntm.random(seed)() * most);
      sizes[name] = whole(given[name] ?? as_usual, least, most);
    }
    return {
      offer,
      sizes,
      seed,
      N: resizable ? whole(given.N ?? config.N, LEAST_N, MOST_N) : config.N, // undefined: it has no locations
      step: given.step ?? 0,
      flips: new Set(given.flips ?? []), // "5.3": bit 3 of vector 5 is not as drawn
      priorities: new Map(given.priorities ?? []), // by vector, counted from 1
    };
  }

  // --- The address

  /** What an address like #task=copy&machine=ntm-lstm&length=120&N=128 chooses. */
  function choose_from_address() {
    const given = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
    const list = (text) => (text ? text.split(",") : []);
    if (given.step) given.step -= 1; // people count from 1
    given.flips = list(given.flips);
    given.priorities = list(given.priorities).map((pair) => pair.split(":").map(Number));
    return choose(given);
  }

  /** Put a choice into the address, once it has settled. */
  const write_address = when_settled(({ offer, sizes, N, seed, step, flips, priorities }) => {
    const said = new URLSearchParams({ task: offer.task, machine: offer.machine, ...sizes });
    if (N) said.set("N", N);
    said.set("seed", seed);
    said.set("step", step + 1);
    if (flips.size) said.set("flips", [...flips].join(","));
    if (priorities.size) said.set("priorities", [...priorities].map((pair) => pair.join(":")).join(","));
    history.replaceState(null, "", `#${said.toString().replaceAll("%2C", ",").replaceAll("%3A", ":")}`);
  });

  // --- The question

  /** What the machine is asked: drawn from the seed, then changed by the reader. Seed 0 draws no bits: all are 0. */
  function make_batch({ offer, sizes, seed, flips, priorities }) {
    const task = ntm.tasks[offer.task];
    const question = task.draw(offer.settings, sizes, ntm.random(seed));
    if (seed === 0) question.vectors.forEach((vector) => vector.fill(0));
    for (const flip of flips) {
      const [vector, bit] = flip.split(".").map((count) => count - 1);
      if (question.vectors[vector]?.[bit] !== undefined) question.vectors[vector][bit] = 1 - question.vectors[vector][bit];
    }
    for (const [vector, priority] of priorities) {
      if (question.priorities?.[vector - 1] === undefined || !(Math.abs(priority) <= 1)) continue;
      question.priorities[vector - 1] = Math.fround(priority);
    }
    return { question, ...task.encode(offer.settings, question) };
  }

  return { LEAST_N, MOST_N, MOST_SEED, tasks, machines_for, bounds, choose, choose_from_address, write_address, make_batch };
})();
