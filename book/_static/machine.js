/* The page on which a trained machine runs: book/machine.md. Its parts: ntm.js (machine), tasks.js (questions), run.js
 * (the run), choosing.js (the choice and the address), drawing.js (pictures), and page.js (small tools).
 *
 * The reader's choice stands in the page's address. From it follows a run, which is computed whole, in slices of time, and
 * then shown step by step. ntm.run is the run on show: try ntm.run.steps[5].signals["write head"] in the browser's console.
 */
(() => {
  "use strict";

  const { element, clamp, whole, in_figures, capital } = page;
  const { app, part } = drawing;

  const STATIC = document.currentScript.src.replace(/[^/]*$/, ""); // where this file and machines/ are
  const SLICE = 25; // milliseconds of work between two pauses, in which the page answers its reader

  const control = (name) => app.querySelector(`[name="${name}"]`);

  let choice; // see choosing.js

  // --- The machines, each loaded when it is first chosen

  const machines = {};

  function with_machine(name, use) {
    const build = () => use((machines[name] ??= ntm.build_machine(ntm.machines[name])), ntm.machines[name].signals);
    if (ntm.machines[name]) return build();
    const script = element("script", { src: `${STATIC}machines/${name}.js` });
    script.onload = build;
    script.onerror = () => (part("verdict").textContent = `The weights of ${name} could not be loaded.`);
    document.head.append(script);
  }

  // --- Running

  let latest = 0; // number of the newest run; older ones end when they see that they are not it

  /** Run the chosen machine on what was chosen, then show it. */
  function start() {
    const ticket = ++latest;
    stop();
    show_choice();
    app.setAttribute("aria-busy", "true");
    with_machine(choice.offer.name, (machine, signals) => {
      if (ticket !== latest) return;
      const run = new ntm.Run(machine, signals, choosing.make_batch(choice), choice.N);
      const progress = control("progress");
      progress.max = run.length;
      const slice = () => {
        if (ticket !== latest) return;
        const began = performance.now();
        while (run.steps.length < run.length && performance.now() - began < SLICE) run.advance();
        progress.value = run.steps.length;
        part("running").hidden = run.steps.length === run.length;
        if (run.steps.length < run.length) return setTimeout(slice);
        app.setAttribute("aria-busy", "false");
        show_run(run);
      };
      slice();
    });
  }

  // --- Showing the choice, the run, and a step of it

  function show_options(select, texts, chosen) {
    select.replaceChildren(...texts.map(([value, text]) => element("option", { value }, text)));
    select.value = chosen;
  }

  function show_choice() {
    choosing.write_address(choice);
    const { task, machine, config, resizable, settings, weights, scores } = choice.offer;
    const known = ntm.tasks[task];
    show_options(control("task"), choosing.tasks().map((name) => [name, ntm.tasks[name].title]), task);
    show_options(control("machine"), choosing.machines_for(task).map((offer) => [offer.machine, offer.title]), machine);
    const bounds = Object.entries(choosing.bounds(task, choice.sizes));
    if (part("sizes").dataset.task !== task) {
      part("sizes").dataset.task = task;
      const field = (name) => element("input", { type: "number", name, required: true });
      part("sizes").replaceChildren(...bounds.map(([name, { label }]) => element("label", {}, label, field(name))));
    }
    for (const [name, { least, most }] of bounds) {
      Object.assign(control(name), { min: least, max: most, value: choice.sizes[name] });
    }
    const { LEAST_N, MOST_N } = choosing;
    part("N").hidden = !choice.N;
    Object.assign(control("N"), { min: LEAST_N, max: MOST_N, value: choice.N ?? "", disabled: !resizable });
    control("seed").value = choice.seed;
    const with_N = config.N ? ` with N = ${config.N}` : "";
    const trained = `${in_figures(weights)} weights, trained${with_N} on ${known.trained_on(settings)}`;
    part("trained").textContent = `This machine: ${trained}.`;
    const lines = scores.map(({ sizes, N, asked, wrong }) => {
      const what = Object.entries(N ? { ...sizes, N } : sizes).map(([name, size]) => `${name} ${in_figures(size)}`);
      return element("li", {}, `${what.join(", ") || "as in training"}: ${in_figures(wrong)} of ${in_figures(asked)}`);
    });
    part("scores").replaceChildren(...lines);
  }

  function show_run(run) {
    ntm.run = run;
    drawing.make_panels(run, ntm.tasks[choice.offer.task].marks);
    control("step").max = run.length;
    part("last").textContent = in_figures(run.length);
    const wrong = run.wrong_steps.reduce((total, step) => total + run.wrong_at(step), 0);
    const asked = run.batch.mask.filter(Boolean).length * run.batch.targets[0].length;
    const all = in_figures(asked);
    part("verdict").textContent = wrong ? `${in_figures(wrong)} of ${all} bits wrong` : `All ${all} bits right`;
    part("verdict").dataset.right = !wrong;
    part("next-wrong").hidden = !wrong;
    go_to(choice.step);
    drawing.show_table(run);
  }

  function go_to(wish) {
    const run = ntm.run;
    const step = (choice.step = whole(wish, 0, run.length - 1));
    choosing.write_address(choice);
    app.style.setProperty("--at", step / run.length);
    app.style.setProperty("--wide", 1 / run.length);
    const label = run.batch.labels[step];
    control("step").value = step + 1;
    control("step").setAttribute("aria-valuetext", `${step + 1}: ${label}`);
    part("at").textContent = in_figures(step + 1);
    part("sentence").textContent = `Step ${in_figures(step + 1)}: ${label}`;
    part("aloud").textContent = run.aloud(step).map((words) => `${capital(words)}.`).join(" ");
    drawing.show_step(run, step);
    show_editor(run, step);
  }

  // --- Changing the question

  const vector_on_show = () => ntm.run.batch.vector_at[choice.step];

  function flip(vector, bit) {
    const name = `${vector + 1}.${bit + 1}`;
    if (!choice.flips.delete(name)) choice.flips.add(name);
    start();
  }

  function show_editor(run, step) {
    const { vectors, priorities } = run.batch.question;
    const vector = vector_on_show();
    part("editor").hidden = vector < 0;
    part("no-editor").hidden = vector >= 0;
    if (vector < 0) return;
    part("editor-title").textContent = capital(run.batch.labels[step]);
    const toggles = part("bits").children;
    if (toggles.length !== vectors[vector].length) {
      const made = vectors[vector].map(() => element("button", { type: "button", class: "machine-bit" }));
      made.forEach((button, bit) => button.addEventListener("click", () => flip(vector_on_show(), bit)));
      part("bits").replaceChildren(...made);
    }
    vectors[vector].forEach((value, bit) => {
      toggles[bit].textContent = value;
      toggles[bit].setAttribute("aria-pressed", value === 1);
      toggles[bit].setAttribute("aria-label", `bit ${bit + 1}: ${value}`);
    });
    part("priority").hidden = !priorities;
    if (priorities) control("priority").value = priorities[vector].toFixed(2);
  }

  /** Arrow keys in the editor: up and down from bit to bit, left and right from vector to vector. */
  function move_in_editor(event) {
    const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    if (!(event.key in moves)) return;
    event.preventDefault();
    const [down, right] = moves[event.key];
    const toggles = [...part("bits").children];
    toggles.at((toggles.indexOf(event.target) + down) % toggles.length).focus();
    const { vector_at } = ntm.run.batch;
    let step = choice.step + right;
    while (vector_at[step] < 0) step += right || 1;
    if (vector_at[step] >= 0) go_to(step);
  }

  const step_under = ({ clientX }, box) => {
    const { left, width } = box.getBoundingClientRect();
    return clamp(Math.floor(((clientX - left) / width) * ntm.run.length), 0, ntm.run.length - 1);
  };

  /** Press a bit of the question to turn it; drag, and all bits on the way become the same. */
  function draw_bits(event) {
    const seen = new Set();
    let ink = null;
    const paint = (moved) => {
      const { question, vector_at } = ntm.run.batch; // new after every bit, and so is the box
      const box = app.querySelector(".machine-drawable");
      const { top, height } = box.getBoundingClientRect();
      const vector = vector_at[step_under(moved, box)];
      const bit = Math.floor(((moved.clientY - top) / height) * question.vectors[0].length);
      const value = question.vectors[vector]?.[bit];
      if (value === undefined || seen.has(`${vector}.${bit}`)) return;
      seen.add(`${vector}.${bit}`);
      ink ??= 1 - value;
      if (value !== ink) flip(vector, bit);
    };
    paint(event);
    const release = new AbortController();
    addEventListener("pointermove", paint, { signal: release.signal });
    for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => release.abort(), { once: true });
  }

  // --- Playing. Who has asked their system for less motion steps by hand.

  const still = matchMedia("(prefers-reduced-motion: reduce)");
  let timer = null;

  function stop() {
    clearTimeout(timer);
    timer = null;
    part("play").textContent = "Play";
    part("says").setAttribute("aria-live", "polite");
  }

  function play() {
    const at_end = () => choice.step === ntm.run.length - 1;
    if (timer) return stop();
    if (at_end()) go_to(0);
    const next = () => {
      go_to(choice.step + 1);
      if (at_end()) return stop();
      timer = setTimeout(next, 1000 / whole(control("speed").value, 1, 60));
    };
    timer = setTimeout(next);
    part("play").textContent = "Pause";
    part("says").setAttribute("aria-live", "off"); // too fast to be read aloud
  }

  function respect_stillness() {
    stop();
    for (const name of ["play", "speed"]) part(name).hidden = still.matches;
    part("still").hidden = !still.matches;
  }

  // --- Listening to the reader

  function start_anew(given) {
    choice = choosing.choose(given);
    start();
  }

  function listen() {
    const setup = part("setup");
    setup.addEventListener("submit", (event) => event.preventDefault());
    setup.addEventListener("change", ({ target }) => {
      const said = Object.fromEntries([...setup.elements].map(({ name, value }) => [name, value]));
      const { flips, priorities, step } = choice;
      if (target.name === "task") start_anew({ task: said.task, machine: said.machine, seed: said.seed });
      else if (target.name === "seed") start_anew({ ...said, query: undefined });
      else start_anew({ ...said, flips, priorities, step });
    });
    const start_with = (seed) => {
      const { offer, sizes, N } = choice;
      start_anew({ task: offer.task, machine: offer.machine, ...sizes, query: undefined, N, seed });
    };
    part("randomise").addEventListener("click", () => start_with(1 + Math.floor(choosing.MOST_SEED * Math.random())));
    part("blank").addEventListener("click", () => start_with(0));

    const step_to = (step) => (stop(), go_to(step));
    control("step").addEventListener("input", ({ target }) => step_to(target.value - 1));
    part("back").addEventListener("click", () => step_to(choice.step - 1));
    part("forward").addEventListener("click", () => step_to(choice.step + 1));
    part("next-wrong").addEventListener("click", () => {
      const wrong = ntm.run.wrong_steps;
      step_to(wrong.find((step) => step > choice.step) ?? wrong[0]);
    });
    const scrub = (event) => {
      const box = event.target.closest(".machine-box");
      if (box && event.buttons & 1) step_to(step_under(event, box));
    };
    app.addEventListener("pointerdown", (event) => {
      scrub(event); // first: a turned bit makes all boxes anew
      if (event.target.closest(".machine-drawable")) draw_bits(event);
    });
    app.addEventListener("pointermove", scrub);
    part("play").addEventListener("click", play);
    still.addEventListener("change", respect_stillness);

    part("bits").addEventListener("keydown", move_in_editor);
    control("priority").addEventListener("change", ({ target }) => {
      choice.priorities.set(vector_on_show() + 1, clamp(Number(target.value), -1, 1));
      start();
    });
    part("strips-details").addEventListener("toggle", drawing.draw_panels);
    part("table-details").addEventListener("toggle", () => drawing.show_table(ntm.run));

    addEventListener("hashchange", () => {
      if (!location.hash.includes("task=")) return;
      choice = choosing.choose_from_address();
      start();
      app.scrollIntoView({ behavior: "instant" });
    });
    const redraw = () => ntm.run && drawing.redraw(ntm.run, choice.step);
    new ResizeObserver(redraw).observe(app);
    new MutationObserver(redraw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  }

  if (!choosing.tasks().length) return; // no machine is offered, and the page stays without one
  app.hidden = false;
  listen();
  respect_stillness();
  choice = choosing.choose_from_address();
  start();
})();
