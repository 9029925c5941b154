/* What the addressing lab holds, tells and says: its stories, one step, its state in an address, and every sentence.
 * All numbers come from ntm.js; what is drawn of them is in lab.js.
 */
window.stories = (() => {
  "use strict";

  const { range, clamp, capital } = page;

  // --- What the lab holds: memory, previous weighting, and all that a head emits

  const MEMORY = [
    [0.9, 0.1, 0, -0.4, 0.2, 0],
    [-0.3, 0.8, 0.5, 0, 0.1, -0.2],
    [0.2, -0.7, 0.9, 0.3, -0.5, 0.6],
    [0, 0.4, -0.8, 0.7, 0, 0.3],
    [0.6, 0, 0.3, -0.9, 0.4, -0.1],
    [-0.8, -0.2, 0, 0.5, 0.9, 0.1],
    [0.1, 0.5, -0.4, 0, -0.6, 0.8],
    [0.4, -0.6, 0.7, 0.5, 0.1, 0.3], // much like location 2
  ].map((row) => row.map(Math.fround)); // memory and weightings are kept in float32, as in PyTorch
  const N = MEMORY.length;
  const M = MEMORY[0].length;
  const STAY = [0, 1, 0];
  const NEXT = [0, 0, 1];

  const fill = (length, value) => new Array(length).fill(value);
  const nearest = (row) => row.map((value) => Math.round(20 * clamp(value, -1, 1)) / 20); // faders can do
  const one_hot = (i) => fill(N, 0).fill(1, i, i + 1);

  const START = {
    memory: MEMORY,
    previous: one_hot(4),
    key: nearest(MEMORY[2]),
    strength: 10,
    gate: 0,
    shift: STAY,
    gamma: 1,
    erase: fill(M, 0),
    add: fill(M, 0),
    order: "erase-first",
    step: 0,
  };

  /** A preset: its name on the button, what to look at, and where it departs from START. */
  const PRESETS = {
    content: {
      name: "Find by content",
      story:
        "The key is a spoiled copy of location 2, and location 7 is much like location 2. Raise the strength: the weight gathers " +
        "at 2. Lower it to 0: the key has no say, and every location gets 1/8.",
      state: { gate: 1, strength: 5, key: [0.3, -0.5, 0.9, 0.1, -0.2, 0.6] },
    },
    choose: {
      name: "Search or stay",
      story:
        "The key asks for location 1, but a step ago the head was at 4. The gate decides: at 1 it takes the " +
        "search, at 0 the old place, and half-open both places, not the middle. Press Step: the old focus fades.",
      state: { gate: 0.5, strength: 30, key: nearest(MEMORY[1]) },
    },
    iterate: {
      name: "Next, please",
      story:
        "The gate is 0, so the key does not matter, and the shift is all on +1. Press Step a few times: the head visits " +
        "one location after the other, whatever they hold.",
      state: { previous: one_hot(2), shift: NEXT },
    },
    wrap: {
      name: "Round the end",
      story:
        "The head was at location 7, the last one, and moves by +1: it comes round to 0. The memory is a ring. Press Step, " +
        "and it goes on from there. Put the whole shift on \u22121 and it goes back.",
      state: { previous: one_hot(7), shift: NEXT },
    },
    blur: {
      name: "Blur",
      story:
        "The head means to stay, but a tenth of the shift leaks to each side, and gamma is 1. Press Step ten times: the " +
        "focus melts. Press Reset, set gamma to 2, and step again: sharpening holds the focus together, at 0.96.",
      state: { shift: [0.1, 0.8, 0.1] },
    },
    jump: {
      name: "Jump, then step",
      story:
        "The key finds location 5 and the shift adds 1, so the head lands at 6: it looks up what came after something. " +
        "Press Step, set the gate to 0, and step on: now it walks from there.",
      state: { gate: 1, strength: 50, key: nearest(MEMORY[5]), shift: NEXT, previous: one_hot(1) },
    },
    order: {
      name: "Erase and add",
      story:
        "The head replaces location 3: erase clears the row, add fills it. Now choose “add, then erase” under Order: " +
        "what was just added is erased too. That is why the machine erases first.",
      state: { previous: one_hot(3), erase: fill(M, 1), add: [1, -0.5, 0, 0.5, -1, 0.8] },
    },
    soft: {
      name: "Write softly",
      story:
        "The weighting is spread over locations 2 to 4, and so is the write: it mixes old and new in each row. Press Step " +
        "again and again: in columns 0 to 2 these rows come closer to the add vector, the middle one fastest. Columns 3 to 5 stay.",
      state: {
        previous: [0, 0, 0.25, 0.5, 0.25, 0, 0, 0],
        erase: [1, 1, 1, 0, 0, 0],
        add: [0.8, -0.8, 0.4, 0, 0, 0],
      },
    },
  };

  const start_of = (preset) => ({ ...START, ...PRESETS[preset].state, preset });

  /** Every stage of one step, by the functions of ntm.js. */
  function run(state) {
    const { memory, previous, key, strength, gate, shift, gamma } = state;
    const stages = ntm.address_stages(memory, previous, key, strength, gate, shift, gamma);
    const erase = (from) => ntm.erase(from, stages.weighting, state.erase);
    const add = (from) => ntm.add(from, stages.weighting, state.add);
    const first = state.order === "erase-first";
    const between = first ? erase(memory) : add(memory);
    const after = first ? add(between) : erase(between);
    return {
      ...stages,
      previous,
      memory,
      similarity: ntm.cosine_similarity(memory, key),
      read: ntm.read(memory, stages.weighting),
      erased: first ? between : after,
      added: first ? after : between,
      after,
    };
  }

  /** The next state: the result becomes the past. */
  function advance(state, result) {
    return {
      ...state,
      memory: result.after.map((row) => row.map(Math.fround)),
      previous: result.weighting.map(Math.fround),
      step: state.step + 1,
    };
  }

  // --- The state in the address: the preset, and what differs from it

  // Of each part of a state: how many numbers, the least and the most.
  const PARTS = {
    key: [M, -1, 1],
    strength: [1, 0, 50],
    gate: [1, 0, 1],
    shift: [3, 0, 1],
    gamma: [1, 1, 20],
    erase: [M, 0, 1],
    add: [M, -1, 1],
    previous: [N, 0, 1],
    memory: [N * M, -1e6, 1e6],
    step: [1, 0, 9999],
  };

  /** The fewest digits that give back the same number, to float32's precision if it takes more than 6 of them. */
  function digits(value) {
    for (let count = 1; count <= 9; count++) {
      const short = Number(value.toPrecision(count));
      if (short === value || Math.fround(short) === value) return String(short);
    }
    return String(value);
  }

  function encode(state) {
    const start = start_of(state.preset);
    const parts = [`preset=${state.preset}`];
    for (const name of Object.keys(START)) {
      const text = (value) => (name === "order" ? value : [value].flat(2).map(digits).join(","));
      if (text(state[name]) !== text(start[name])) parts.push(`${name}=${text(state[name])}`);
    }
    return parts.join("&");
  }

  /** The state that an address asks for; null if it asks for none. What makes no sense is left as the preset has it. */
  function decode(text) {
    const asked = new URLSearchParams(text);
    if (!Object.hasOwn(PRESETS, asked.get("preset"))) return null;
    const state = start_of(asked.get("preset"));
    for (const [name, [count, low, high]] of Object.entries(PARTS)) {
      const found = (asked.get(name) ?? "").split(",").map((part) => (part.trim() === "" ? NaN : Number(part)));
      const fits = found.length === count && found.every((value) => value >= low && value <= high);
      const shares = name === "shift" || name === "previous";
      if (!fits || (shares && Math.abs(found.reduce((a, b) => a + b) - 1) > 1e-3)) continue;
      state[name] = count === 1 ? found[0] : found;
    }
    const cells = state.memory.flat();
    state.memory = MEMORY.map((_, i) => cells.slice(i * M, (i + 1) * M).map(Math.fround));
    state.previous = state.previous.map(Math.fround);
    if (asked.get("order") === "add-first") state.order = "add-first";
    return state;
  }

  // --- In words: what every parameter does right now

  /** A number as people write it: halves rounded up in size, a true minus, and none before a zero.
   *
   * Six digits are what single and double precision agree on, so that a weighting reads the same before and after Step.
   */
  function show(value, places = 2) {
    const text = (Number(value.toPrecision(6)) * (1 + 1e-9)).toFixed(places);
    return Number(text) === 0 ? text.replace("-", "") : text.replace("-", "\u2212");
  }
  const percent = (value) => `${Math.round(100 * value)}\u00a0%`;

  /** Where a vector is largest: several places if they are equal, but for what single precision rounds off. */
  function largest(vector) {
    const most = Math.max(...vector);
    return range(vector.length).filter((i) => most - vector[i] < 1e-6);
  }

  /** "row 3", "rows 3 and 5", "rows 2, 3 and 5", "all rows". */
  function name_all(noun, places, count = N) {
    if (places.length === 1) return `${noun} ${places[0]}`;
    if (places.length === count) return `all ${noun}s`;
    return `${noun}s ${places.slice(0, -1).join(", ")} and ${places.at(-1)}`;
  }

  const for_one = (places, one, more) => (places.length === 1 ? one : more);
  const where = (weighting) => capital(name_all("location", largest(weighting)));
  const at_one = (weighting) => Math.max(...weighting) > 0.995; // its largest weight is shown as 1.00

  /** Where most of a weighting is, in a sentence. */
  function most_of(weighting) {
    const places = largest(weighting);
    if (places.length === N) return "All locations have the same weight, 1/8 = 0.125.";
    if (at_one(weighting)) return `${where(weighting)} has all the weight.`;
    const [have, each] = for_one(places, ["has", ""], ["have", " each"]);
    return `${where(weighting)} ${have} the largest weight, ${show(weighting[places[0]])}${each}.`;
  }

  function where_the_head(is, weighting) {
    if (at_one(weighting)) return `The head ${is} at location ${largest(weighting)[0]}.`;
    return `The head ${is} spread out. ${most_of(weighting)}`;
  }

  const WORDS = {
    memory({ key }, { similarity }) {
      if (key.every((value) => value === 0)) return "The key is zero: it is like nothing.";
      const places = largest(similarity);
      const rows = `${capital(name_all("row", places))} ${for_one(places, "is", "are")} most like the key`;
      return `${rows}: ${show(similarity[places[0]])}. Same direction would be 1, opposite \u22121.`;
    },
    content({ strength }, { content }) {
      return strength === 0 ? "Strength 0: the key has no say. Every location gets 1/8 = 0.125." : most_of(content);
    },
    previous: ({ previous }) => where_the_head("was", previous),
    gated({ gate }) {
      if (gate === 0) return "Gate 0: the search is ignored. The head starts from where it was.";
      if (gate === 1) return "Gate 1: the past is forgotten. Only the search counts.";
      return `${percent(gate)} come from the search, ${percent(1 - gate)} from where the head was.`;
    },
    shifted({ shift }) {
      const pure = shift.indexOf(1);
      if (pure === 0) return "All moves one location back; from 0 it comes round to 7.";
      if (pure === 1) return "All stays where it is.";
      if (pure === 2) return "All moves one location on; from 7 it comes round to 0.";
      const [back, stay, on] = shift.map(percent);
      return `Of each weight, ${back} goes one back, ${stay} stays, ${on} goes one on.`;
    },
    weighting({ gamma }, { shifted, weighting }) {
      if (gamma === 1) return `Gamma 1 changes nothing. ${most_of(weighting)}`;
      const [from, to] = [shifted, weighting].map((stage) => show(Math.max(...stage)));
      if (from === to) return `There is nothing to sharpen. ${most_of(weighting)}`;
      return `The largest weight grows from ${from} to ${to}, at the cost of the smaller ones.`;
    },
    place: (_, { weighting }) => where_the_head("is", weighting),
    store: () => "A row changes as far as the head has weight there.",
    trail({ step }, _, trail) {
      if (trail.length) return "The last of these weightings is now the one before.";
      if (step === 0) return "No step has been taken.";
      return `The page was opened after step ${step}; what came before is not listed.`;
    },
    read(_, { weighting }) {
      if (at_one(weighting)) return `The numbers of row ${largest(weighting)[0]}.`;
      const places = largest(weighting);
      if (places.length === N) return "The average of all rows.";
      const [makes, each] = for_one(places, ["makes", ""], ["make", " each"]);
      const share = percent(weighting[places[0]]);
      return `An average of the rows. ${capital(name_all("row", places))} ${makes} up ${share}${each}.`;
    },
    erased({ erase }, { weighting }) {
      const most = Math.max(...erase);
      if (most === 0) return "The erase vector is zero: nothing is erased.";
      const weight = Math.max(...weighting);
      const kept = `1 \u2212 weight ${show(weight)} \u00d7 erase ${show(most)} = ${show(1 - weight * most)}`;
      return `${where(weighting)}, ${name_all("column", largest(erase), M)}: ${kept} of it is kept.`;
    },
    added({ add }, { weighting }) {
      const most = add.find((value) => Math.abs(value) === Math.max(...add.map(Math.abs)));
      if (most === 0) return "The add vector is zero: nothing is added.";
      const weight = Math.max(...weighting);
      const gain = `weight ${show(weight)} \u00d7 add ${show(most)} = ${show(weight * most)}`;
      const columns = range(M).filter((m) => add[m] === most);
      return `${where(weighting)}, ${name_all("column", columns, M)}: ${gain} is added.`;
    },
  };

  return { N, M, PRESETS, PARTS, WORDS, nearest, one_hot, start_of, run, advance, encode, decode, show, most_of };
})();
