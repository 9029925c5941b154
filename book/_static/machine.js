/* The page on which a trained machine runs: book/machine.md. Its parts: ntm.js (machine), tasks.js (questions), run.js
 * (the run), and page.js (small tools).
 *
 * The reader's choice (task, controller, sizes, N, seed, changed bits, step) stands in the page's address. From it
 * follows a run, which is computed whole, in slices of time, and then shown step by step. ntm.run is the run on show:
 * try ntm.run.steps[5].heads[0].weighting in the browser's console.
 */
(() => {
  "use strict";

  const { element, range, clamp, number, capital, when_settled } = page;

  const STATIC = document.currentScript.src.replace(/[^/]*$/, ""); // where this file and machines/ are
  const [LEAST_N, MOST_N, MOST_SEED] = [4, 2048, 999999];
  const SLICE = 25; // milliseconds of work between two pauses, in which the page answers its reader
  const CELL = 10; // height of a cell of inputs and outputs, in CSS pixels

  const app = document.getElementById("machine");
  const part = (name) => app.querySelector(`[data-part="${name}"]`);
  const control = (name) => app.querySelector(`[name="${name}"]`);
  const whole = (value, least, most) => clamp(Math.round(value) || 0, least, most);
  const as_bits = (vector) => vector.map((value) => (value > 0 ? 1 : 0)).join("");

  // --- The choice, and the address that holds it

  let choice;

  const machine_name = () => `${choice.task}-${choice.controller}`;
  const entry = () => ntm.offered[machine_name()]; // what is known of the machine before its weights are loaded
  const of_task = (task) => Object.values(ntm.offered).filter((offer) => offer.task === task);
  const tasks = () => Object.keys(ntm.tasks).filter((task) => of_task(task).length);
  const bound = (limit) => (typeof limit === "function" ? limit(choice.sizes) : limit);
  const fixed_N = ({ memory_start, head_start }) => memory_start === "learned" || head_start === "learned";

  /** Choose what is given, every number brought into its range; what is missing is as in the machine's training. */
  function choose(given) {
    const task = tasks().includes(given.task) ? given.task : tasks()[0];
    const controllers = of_task(task).map((offer) => offer.controller);
    const controller = controllers.includes(given.controller) ? given.controller : controllers.at(-1);
    choice = { task, controller, sizes: {}, seed: whole(given.seed ?? 1, 0, MOST_SEED), step: given.step ?? 0 };
    const { config, settings } = entry();
    choice.N = fixed_N(config) ? config.N : whole(given.N ?? config.N, LEAST_N, MOST_N);
    for (const [name, { least, most, usual }] of Object.entries(ntm.tasks[task].sizes)) {
      const as_usual = usual ? usual(settings) : 1 + Math.floor(ntm.random(choice.seed)() * bound(most));
      choice.sizes[name] = whole(given[name] ?? as_usual, least, bound(most));
    }
    choice.flips = new Set(given.flips ?? []); // "5.3": bit 3 of vector 5 is not as drawn
    choice.priorities = new Map(given.priorities ?? []); // set by the reader: by vector, counted from 1
  }

  /** Choose what an address like #task=copy&length=120&N=128 says. */
  function choose_from_address() {
    const given = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
    const list = (text) => (text ? text.split(",") : []);
    if (given.step) given.step -= 1; // people count from 1
    given.flips = list(given.flips);
    given.priorities = list(given.priorities).map((pair) => pair.split(":").map(Number));
    choose(given);
  }

  /** Put the choice into the address, once it has settled. */
  const write_address = when_settled(() => {
    const { task, controller, sizes, N, seed, step, flips, priorities } = choice;
    const said = new URLSearchParams({ task, controller, ...sizes, N, seed, step: step + 1 });
    if (flips.size) said.set("flips", [...flips].join(","));
    if (priorities.size) said.set("priorities", [...priorities].map((pair) => pair.join(":")).join(","));
    history.replaceState(null, "", `#${said.toString().replaceAll("%2C", ",").replaceAll("%3A", ":")}`);
  });

  /** What the machine is asked: drawn from the seed, then changed by the reader. Seed 0 draws no bits: all are 0. */
  function make_batch() {
    const [task, { settings }] = [ntm.tasks[choice.task], entry()];
    const question = task.draw(settings, choice.sizes, ntm.random(choice.seed));
    const { vectors, priorities } = question;
    if (choice.seed === 0) vectors.forEach((vector) => vector.fill(0));
    for (const flip of choice.flips) {
      const [vector, bit] = flip.split(".").map((count) => count - 1);
      if (vectors[vector]?.[bit] !== undefined) vectors[vector][bit] = 1 - vectors[vector][bit];
    }
    for (const [vector, value] of choice.priorities) {
      if (priorities?.[vector - 1] !== undefined && Math.abs(value) <= 1) priorities[vector - 1] = Math.fround(value);
    }
    return { question, ...task.encode(settings, question) };
  }

  // --- The machines, each loaded when it is first chosen

  const machines = {};

  function with_machine(name, use) {
    const build = () => use((machines[name] ??= ntm.build_machine(ntm.machines[name])));
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
    with_machine(machine_name(), (machine) => {
      if (ticket !== latest) return;
      const run = new ntm.Run(machine, make_batch(), choice.N);
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

  // --- Drawing

  /** A colour of the style sheet, as [red, green, blue]. */
  function colour(name) {
    const code = getComputedStyle(app).getPropertyValue(`--${name}`).trim();
    return [1, 3, 5].map((at) => parseInt(code.slice(at, at + 2), 16));
  }

  /** A colour for every value from -1 to 1, as pixels hold it: from the ground at 0 to one colour at either end. */
  function shades(positive, negative) {
    const ground = colour("ground");
    return Uint32Array.from(range(511), (i) => {
      const end = i < 255 ? negative : positive;
      const mixed = ground.map((from, k) => Math.round(from + (end[k] - from) * Math.abs(i / 255 - 1)));
      return (255 << 24) | (mixed[2] << 16) | (mixed[1] << 8) | mixed[0];
    });
  }

  /** Give a canvas a pixel for each pixel of the screen. */
  function fit(canvas) {
    canvas.width = Math.round(canvas.clientWidth * devicePixelRatio);
    canvas.height = Math.round(canvas.clientHeight * devicePixelRatio);
    return [canvas.width, canvas.height];
  }

  /** Which cells each pixel covers: [first, after the last], or null for a line between two large cells. */
  function cells_of(pixels, cells) {
    const edge = (pixel) => Math.floor((pixel * cells) / pixels);
    const large = pixels / cells > 6 * devicePixelRatio;
    return range(pixels).map((pixel) => {
      if (large && edge(pixel) !== edge(pixel - 1)) return null;
      return [edge(pixel), Math.max(edge(pixel + 1), edge(pixel) + 1)];
    });
  }

  /** Draw values from -1 to 1 as coloured cells; NaN is empty. Of cells smaller than a pixel the largest shows. */
  function draw_cells(canvas, rows, columns, value, positive, negative = positive) {
    const [width, height] = fit(canvas);
    if (!width || !height) return;
    const context = canvas.getContext("2d");
    const image = context.createImageData(width, height);
    const pixels = new Uint32Array(image.data.buffer);
    const palette = shades(colour(positive), colour(negative));
    const across = cells_of(width, columns);
    cells_of(height, rows).forEach((down, y) => {
      across.forEach((span, x) => {
        let shown = NaN;
        for (let row = down?.[0]; row < down?.[1]; row++) {
          for (let column = span?.[0]; column < span?.[1]; column++) {
            const here = value(row, column);
            if (Number.isNaN(shown) || Math.abs(here) > Math.abs(shown)) shown = here;
          }
        }
        if (!Number.isNaN(shown)) pixels[y * width + x] = palette[whole(255 + 255 * shown, 0, 510)];
      });
    });
    context.putImageData(image, 0, 0);
  }

  /** A cross over each wrong bit of the output. */
  function draw_crosses(canvas, run, channels) {
    const context = canvas.getContext("2d");
    const [wide, high] = [canvas.width / run.length, canvas.height / channels];
    context.lineWidth = 2 * devicePixelRatio;
    context.strokeStyle = `rgb(${colour("wrong")})`;
    context.beginPath();
    for (const step of range(run.length)) {
      for (const channel of range(channels).filter((one) => run.is_wrong(step, one))) {
        for (const [from, to] of [[0.15, 0.85], [0.85, 0.15]]) {
          context.moveTo((step + 0.15) * wide, (channel + from) * high);
          context.lineTo((step + 0.85) * wide, (channel + to) * high);
        }
      }
    }
    context.stroke();
  }

  /** A weighting as bars on the memory's edge: upwards for a head that writes, downwards for one that reads. */
  function draw_bars(canvas, weighting, kind) {
    const [width, height] = fit(canvas);
    const context = canvas.getContext("2d");
    context.fillStyle = `rgb(${colour(kind)})`;
    const cell = width / weighting.length;
    weighting.forEach((weight, i) => {
      const tall = weight * height;
      context.fillRect(i * cell, kind === "write" ? height - tall : 0, Math.max(cell - 1, 2), tall);
    });
  }

  // --- Panels over time: a caption, what it says of the step on show, and a canvas as wide as the run is long

  let panels = [];

  function add_panel(parent, caption, height, draw, say = () => "") {
    const canvas = element("canvas", { role: "img", "aria-label": caption });
    const now = element("span", { class: "machine-now" });
    const box = element("div", { class: "machine-box", style: `height: ${height}px` }, canvas);
    box.append(element("span", { class: "machine-cursor" }));
    part(parent).append(element("p", { class: "machine-caption" }, element("span", {}, caption), now), box);
    panels.push({ draw: () => draw(canvas), show: (step) => (now.textContent = say(step)) });
    return box;
  }

  function make_panels(run) {
    panels = [];
    for (const name of ["signals", "weightings", "parameters"]) part(name).replaceChildren();
    const { inputs, targets, mask } = run.batch;
    const [channels, bits, T] = [targets[0].length, entry().settings.bits, run.length];
    const signal = (caption, rows, value, say, ...colours) => {
      const draw = (canvas) => draw_cells(canvas, rows, T, value, ...colours);
      return add_panel("signals", caption, CELL * rows, draw, say);
    };
    const say_input = (step) => as_bits(inputs[step].slice(0, bits));
    const question = signal("Input", bits, (row, step) => inputs[step][row], say_input, "one");
    question.classList.add("machine-drawable");
    question.addEventListener("pointerdown", draw_bits);

    const { marks } = ntm.tasks[choice.task];
    const mark = (row, step) => inputs[step][bits + row];
    const say_marks = (step) => inputs[step].slice(bits).map(number).join(", ");
    signal(`Input: ${marks.join(", ")}`, marks.length, mark, say_marks, "plus", "minus");

    const wanted = (row, step) => (mask[step] ? targets[step][row] : NaN);
    const say_wanted = (step) => (mask[step] ? as_bits(targets[step]) : "nothing yet");
    const more = channels > bits ? ", last row: the end" : "";
    signal(`Wanted output${more}`, channels, wanted, say_wanted, "one");

    const output = (row, step) => (mask[step] ? 1 / (1 + Math.exp(-run.steps[step].output[row])) : NaN);
    const draw_output = (canvas) => {
      draw_cells(canvas, channels, T, output, "one");
      draw_crosses(canvas, run, channels);
    };
    const say_output = (step) => (mask[step] ? as_bits(run.steps[step].output) : "does not count yet");
    add_panel("signals", "Output; wrong bits have a cross", CELL * channels, draw_output, say_output);

    const bar = (row, step) => (channels - row <= run.wrong_at(step) ? 1 : NaN);
    const draw_wrong = (canvas) => draw_cells(canvas, channels, T, bar, "wrong");
    const say_wrong = (step) => (mask[step] ? `${run.wrong_at(step)} of ${channels}` : "");
    add_panel("signals", "Wrong bits at each step", 24, draw_wrong, say_wrong);
    for (const head of run.heads) make_panels_of_head(run, head);
  }

  function make_panels_of_head(run, head) {
    const T = run.length;
    const at = (step) => run.steps[step].heads[head.index];
    const name = capital(head.name);
    const height = run.heads.length > 2 ? 96 : clamp(4 * run.N, 64, 192);
    const weight = (row, step) => Math.sqrt(at(step).weighting[row]); // the root shows small weights too
    const draw_weights = (canvas) => draw_cells(canvas, run.N, T, weight, head.kind);
    const where = `${name}: locations 0 to ${number(run.N - 1)}`;
    add_panel("weightings", where, height, draw_weights, (step) => run.focus_in_words(step, head));

    const strip = (label, rows, value, say) => {
      const draw = (canvas) => draw_cells(canvas, rows, T, value, head.kind);
      add_panel("parameters", `${name}: ${label}`, CELL * rows, draw, say);
    };
    const one_number = (what, most) => {
      const part_of_most = (_, step) => at(step)[what] / most;
      strip(`${what}, 0 to ${number(most)}`, 1, part_of_most, (step) => at(step)[what].toFixed(2));
    };
    const most = (what) => Math.ceil(range(T).reduce((best, step) => Math.max(best, at(step)[what]), 0));
    const radius = at(0).shift.length >> 1;
    one_number("strength", most("strength"));
    one_number("gate", 1);
    const moves = `shift, ${number(-radius)} (top) to +${radius}`;
    strip(moves, 2 * radius + 1, (row, step) => at(step).shift[row], (step) => move_in_words(at(step).shift));
    one_number("gamma", most("gamma"));
  }

  /** The move with the largest weight: "+1 (0.98)". */
  function move_in_words(shift) {
    const best = ntm.largest_at(shift);
    const move = best - (shift.length >> 1);
    return `${move > 0 ? "+" : ""}${number(move)} (${shift[best].toFixed(2)})`;
  }

  const draw_panels = () => panels.forEach((panel) => setTimeout(panel.draw)); // the page may answer in between

  // --- One step: the memory as a tape with the heads on it, and their numbers

  function show_memory(run, step) {
    const memory = run.memory_at(step);
    const row = (head) => {
      const says = element("span", {}, `${head.name}: ${run.focus_in_words(step, head)}`);
      const bars = element("canvas", { "aria-hidden": true });
      return element("div", { class: `machine-bars machine-${head.kind}` }, says, bars);
    };
    const words = `Memory after step ${step + 1}: ${run.N} locations, ${memory[0].length} numbers each`;
    const canvas = element("canvas", { role: "img", "aria-label": words });
    part("tape").replaceChildren(...run.heads.map(row), element("div", { class: "machine-memory" }, canvas));
    run.heads.forEach((head, i) => {
      draw_bars(part("tape").children[i].lastChild, run.steps[step].heads[head.index].weighting, head.kind);
    });
    draw_cells(canvas, memory[0].length, run.N, (at, location) => memory[location][at], "plus", "minus");
    const apart = 2 ** Math.max(0, Math.ceil(Math.log2(run.N / 10))); // ten ticks at most
    const ticks = range(Math.ceil(run.N / apart)).map((i) => {
      const place = (100 * (i * apart + 0.5)) / run.N;
      return element("span", { style: `left: ${place}%` }, number(i * apart));
    });
    part("ticks").replaceChildren(...ticks);
  }

  function show_numbers(run, step) {
    const rows = run.heads.map((head) => {
      const { strength, gate, shift, gamma } = run.steps[step].heads[head.index];
      const moves = shift.map((weight) => weight.toFixed(2)).join(" ");
      const texts = [strength.toFixed(2), gate.toFixed(2), moves, gamma.toFixed(2)];
      const cells = texts.map((text) => element("td", {}, text));
      return element("tr", {}, element("th", { scope: "row" }, head.name), ...cells);
    });
    part("numbers").replaceChildren(...rows);
  }

  /** The whole run in words, made when the reader opens it. */
  function show_table(run) {
    if (!part("table-details").open) return;
    const row = (tag, texts) => element("tr", {}, ...texts.map((text) => element(tag, {}, text)));
    const { mask, targets, labels } = run.batch;
    const rows = run.steps.map(({ output }, step) => {
      const answer = mask[step] ? [as_bits(targets[step]), as_bits(output), run.wrong_at(step)] : ["", "", ""];
      return row("td", [step + 1, labels[step], ...answer, ...run.heads.map((head) => run.focus_in_words(step, head))]);
    });
    const titles = row("th", ["step", "what", "wanted", "output", "wrong", ...run.heads.map(({ name }) => name)]);
    part("table").replaceChildren(element("thead", {}, titles), element("tbody", {}, ...rows));
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
    const places = ntm.run.batch.vector_at;
    let step = choice.step + right;
    while (places[step] < 0) step += right || 1;
    if (places[step] >= 0) go_to(step);
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

  // --- Showing the choice, the run, and a step of it

  function show_options(select, values, text_of, chosen) {
    select.replaceChildren(...values.map((value) => element("option", { value }, text_of(value))));
    select.value = chosen;
  }

  function show_choice() {
    write_address();
    const { config, settings, weights, scores } = entry();
    const task = ntm.tasks[choice.task];
    const controllers = of_task(choice.task).map((offer) => offer.controller);
    const words = { lstm: "LSTM", feedforward: "feedforward" };
    show_options(control("task"), tasks(), (name) => ntm.tasks[name].title, choice.task);
    show_options(control("controller"), controllers, (name) => words[name], choice.controller);
    if (part("sizes").dataset.task !== choice.task) {
      part("sizes").dataset.task = choice.task;
      const field = (name) => element("input", { type: "number", name, required: true });
      const fields = Object.entries(task.sizes).map(([name, { label }]) => element("label", {}, label, field(name)));
      part("sizes").replaceChildren(...fields);
    }
    for (const [name, { least, most }] of Object.entries(task.sizes)) {
      Object.assign(control(name), { min: least, max: bound(most), value: choice.sizes[name] });
    }
    Object.assign(control("N"), { min: LEAST_N, max: MOST_N, value: choice.N, disabled: fixed_N(config) });
    control("seed").value = choice.seed;
    const trained = `${number(weights)} weights, trained with N = ${config.N} on ${task.trained_on(settings)}`;
    part("trained").textContent = `This machine: ${trained}.`;
    const lines = scores.map(({ sizes, N, asked, wrong }) => {
      const what = Object.entries(N ? { ...sizes, N } : sizes).map(([name, size]) => `${name} ${number(size)}`);
      return element("li", {}, `${what.join(", ") || "as in training"}: ${number(wrong)} of ${number(asked)}`);
    });
    part("scores").replaceChildren(...lines);
  }

  function show_run(run) {
    ntm.run = run;
    make_panels(run);
    control("step").max = run.length;
    part("last").textContent = number(run.length);
    const wrong = range(run.length).reduce((total, step) => total + run.wrong_at(step), 0);
    const asked = run.batch.mask.filter(Boolean).length * run.batch.targets[0].length;
    const all = number(asked);
    part("verdict").textContent = wrong ? `${number(wrong)} of ${all} bits wrong` : `All ${all} bits right`;
    part("verdict").dataset.right = !wrong;
    part("next-wrong").hidden = !wrong;
    go_to(choice.step);
    draw_panels();
    show_table(run);
  }

  function go_to(wish) {
    const run = ntm.run;
    const step = (choice.step = whole(wish, 0, run.length - 1));
    write_address();
    app.style.setProperty("--at", step / run.length);
    app.style.setProperty("--wide", 1 / run.length);
    const label = run.batch.labels[step];
    control("step").value = step + 1;
    control("step").setAttribute("aria-valuetext", `${step + 1}: ${label}`);
    part("at").textContent = number(step + 1);
    const heads = run.heads.map((head) => `${head.name}: ${run.focus_in_words(step, head)}`);
    part("sentence").textContent = `Step ${number(step + 1)}: ${label}`;
    part("aloud").textContent = `${capital(heads.join("; "))}.`;
    for (const panel of panels) panel.show(step);
    show_memory(run, step);
    show_numbers(run, step);
    show_editor(run, step);
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

  function listen() {
    const setup = part("setup");
    setup.addEventListener("submit", (event) => event.preventDefault());
    setup.addEventListener("change", ({ target }) => {
      const said = Object.fromEntries([...setup.elements].map(({ name, value }) => [name, value]));
      const { flips, priorities, step } = choice;
      if (target.name === "task") choose({ task: said.task, controller: said.controller, seed: said.seed });
      else if (target.name === "seed") choose({ ...said, query: undefined });
      else choose({ ...said, flips, priorities, step });
      start();
    });
    const draw_anew = (seed) => {
      const { task, controller, sizes, N } = choice;
      choose({ task, controller, ...sizes, query: undefined, N, seed });
      start();
    };
    part("randomise").addEventListener("click", () => draw_anew(1 + Math.floor(MOST_SEED * Math.random())));
    part("blank").addEventListener("click", () => draw_anew(0));

    const step_to = (step) => (stop(), go_to(step));
    control("step").addEventListener("input", ({ target }) => step_to(target.value - 1));
    part("back").addEventListener("click", () => step_to(choice.step - 1));
    part("forward").addEventListener("click", () => step_to(choice.step + 1));
    part("next-wrong").addEventListener("click", () => {
      const steps = range(ntm.run.length);
      const onwards = [...steps.slice(choice.step + 1), ...steps];
      step_to(onwards.find((step) => ntm.run.wrong_at(step)));
    });
    const scrub = (event) => {
      const box = event.target.closest(".machine-box");
      if (box && event.buttons & 1) step_to(step_under(event, box));
    };
    app.addEventListener("pointerdown", scrub);
    app.addEventListener("pointermove", scrub);
    part("play").addEventListener("click", play);
    still.addEventListener("change", respect_stillness);

    part("bits").addEventListener("keydown", move_in_editor);
    control("priority").addEventListener("change", ({ target }) => {
      choice.priorities.set(vector_on_show() + 1, clamp(Number(target.value), -1, 1));
      start();
    });
    part("parameters-details").addEventListener("toggle", draw_panels);
    part("table-details").addEventListener("toggle", () => show_table(ntm.run));

    addEventListener("hashchange", () => {
      if (!location.hash.includes("task=")) return;
      choose_from_address();
      start();
      app.scrollIntoView({ behavior: "instant" });
    });
    const redraw = () => ntm.run && (draw_panels(), show_memory(ntm.run, choice.step));
    new ResizeObserver(redraw).observe(app);
    new MutationObserver(redraw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  }

  app.hidden = false;
  listen();
  respect_stillness();
  choose_from_address();
  start();
})();
