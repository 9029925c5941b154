/* The addressing lab: figure 2 of the paper, live. What it shows comes from stories.js; this file draws it and listens.
 *
 * Wherever a page has <div class="ntm-lab">, a lab is built in it. Attributes of the div:
 *   data-preset   which preset it starts with, a key of stories.PRESETS
 *   data-stages   the stages it shows, some of STAGES; if left out, all of them and the stories
 *   data-address  keeps its state in the page's address; for one lab a page
 */
(() => {
  "use strict";

  const { element, range, clamp, when_settled } = page;
  const { N, M, PRESETS, PARTS, WORDS, nearest, one_hot, start_of, run, advance, encode, decode } = stories;
  const { show, most_of } = stories;

  const STAGES = ["content", "gate", "shift", "gamma", "write"];
  const TRAIL = 12; // past weightings to show; the stories ask for up to ten steps
  const SHARES = 20; // a shift moves in twentieths, so that three of them always sum to 1

  const table_row = (name, cells) => element("tr", {}, element("th", { scope: "row" }, name), ...cells);

  /** The row over a table's columns: their numbers. */
  function title_row(count) {
    const titles = range(count).map((m) => element("th", { scope: "col" }, `${m}`));
    return element("tr", { class: "ntm-columns" }, element("td"), ...titles);
  }

  function make_table(name, caption, head, rows) {
    const parts = [element("caption", {}, caption), element("thead", {}, ...head), element("tbody", {}, ...rows)];
    return element("table", { class: "ntm-memory", "data-memory": name }, ...parts);
  }

  const replaced = (vector, i, value) => vector.map((old, j) => (j === i ? value : old));

  /** A shift with share i set: the larger of the others gives, the smaller takes, so that all three sum to 1. */
  function share_out(shift, i, value) {
    const shares = shift.map((share) => Math.round(share * SHARES));
    shares[i] = Math.round(value * SHARES);
    const others = [0, 1, 2].filter((j) => j !== i);
    for (let rest = SHARES - shares[0] - shares[1] - shares[2]; rest !== 0; rest -= Math.sign(rest)) {
      others.sort((one, other) => shares[one] - shares[other]);
      shares[others[rest > 0 ? 0 : 1]] += Math.sign(rest);
    }
    return shares.map((share) => share / SHARES);
  }

  const SITE = new URL("../", document.currentScript.src); // the root of the book, from any of its pages
  let labs = 0;

  class Lab {
    constructor(root) {
      this.root = root;
      this.id = `ntm-lab-${++labs}`;
      this.preset = root.dataset.preset;
      this.whole = !("stages" in root.dataset);
      this.stages = this.whole ? STAGES : root.dataset.stages.split(" ");
      this.steps = ["gate", "shift", "gamma", "write"].some((stage) => this.has(stage)); // these have a past
      this.keeps_address = "address" in root.dataset;
      this.redraws = []; // one function for each thing drawn; called with state and result
      this.keep_soon = when_settled(() => this.keep("replaceState"));
      this.build();
      this.open(this.from_address(), []);
      if (this.keeps_address) {
        addEventListener("popstate", (event) => this.open(this.from_address(), event.state?.trail ?? []));
      }
    }

    has(stage) {
      return this.stages.includes(stage);
    }

    // --- What happens when a control is used

    from_address() {
      return (this.keeps_address && decode(location.hash.slice(1))) || start_of(this.preset);
    }

    /** Show a state as it is, with the weightings of the steps before. */
    open(state, trail) {
      [this.state, this.trail] = [state, trail];
      const writes = this.has("write") ? ", and keeps what was written" : "";
      const hint = `Step makes this the weighting before${writes}.`;
      this.status.textContent = trail.length ? `After step ${state.step}: ${most_of(trail.at(-1))}` : hint;
      this.redraw();
    }

    /** One control moved: the address follows a moment later, without a new entry in the history. */
    change(part) {
      this.state = { ...this.state, ...part };
      this.redraw();
      this.keep_soon();
    }

    /** Something new begins (a step, a preset): what was is one entry back in the history. */
    leap(state, trail) {
      this.keep("replaceState");
      this.open(state, trail);
      this.keep("pushState");
    }

    keep(how) {
      if (!this.keeps_address) return;
      const address = encode(this.state);
      if (how === "replaceState" && !location.hash && address === encode(start_of(this.preset))) return; // untouched
      history[how]({ trail: this.trail }, "", `#${address}`);
    }

    step() {
      const result = run(this.state);
      this.leap(advance(this.state, result), [...this.trail, result.weighting].slice(-TRAIL));
    }

    /** Back to the memory and the place that the preset begins with; the controls stay as they are set. */
    reset() {
      const { memory, previous } = start_of(this.state.preset);
      this.leap({ ...this.state, memory, previous, step: 0 }, []);
      this.status.textContent = "Memory and previous weighting are as at the start.";
    }

    redraw() {
      const result = run(this.state);
      for (const draw of this.redraws) draw(this.state, result);
    }

    // --- Controls

    /** A range input with its label, its value, and what its two ends mean. */
    slider(name, step, low_end, high_end) {
      const [, low, high] = PARTS[name];
      const id = `${this.id}-${name}`;
      const input = element("input", { type: "range", id, min: low, max: high, step, "data-control": name });
      const output = element("output", { for: id });
      input.addEventListener("input", () => this.change({ [name]: Number(input.value) }));
      this.redraws.push((state) => {
        input.value = state[name];
        output.textContent = show(state[name], step < 0.1 ? 2 : 1);
      });
      const ends = element("div", { class: "ntm-ends" }, element("span", {}, low_end), element("span", {}, high_end));
      const line = element("div", { class: "ntm-line" }, element("label", { for: id }, name), output);
      return element("div", { class: "ntm-slider" }, line, input, ends);
    }

    /** One upright slider: drag its bar with the mouse or a finger, or use the arrow keys. */
    fader(name, i, label, step) {
      const [, low, high] = PARTS[name];
      const input = element("input", { type: "range", min: low, max: high, step, "aria-label": label });
      input.dataset.control = `${name}-${i}`;
      const put = name === "shift" ? share_out : replaced;
      const set = (value) => this.change({ [name]: put(this.state[name], i, value) });
      input.addEventListener("input", () => set(Number(input.value)));

      const track = element("div", { class: "ntm-track" }, element("div", { class: "ntm-fill" }));
      const drag = (event) => {
        const box = track.getBoundingClientRect();
        const margin = 4; // pixels at each end that count as the end
        const reached = (box.bottom - margin - event.clientY) / (box.height - 2 * margin);
        const steps = Math.round((clamp(reached, 0, 1) * (high - low)) / step);
        set(Number((low + steps * step).toFixed(6)));
      };
      track.addEventListener("pointerdown", (event) => {
        event.preventDefault();
        track.setPointerCapture(event.pointerId);
        input.focus({ preventScroll: true });
        drag(event);
      });
      track.addEventListener("pointermove", (event) => track.hasPointerCapture(event.pointerId) && drag(event));

      const number = element("span", { class: "ntm-number", "aria-hidden": "true" });
      this.redraws.push((state) => {
        const value = state[name][i];
        input.value = value;
        const [bottom, height] = [Math.min(0, value) - low, Math.abs(value)].map((part) => part / (high - low));
        track.style.setProperty("--bottom", bottom);
        track.style.setProperty("--height", height);
        track.classList.toggle("ntm-negative", value < 0);
        number.textContent = show(value, step < 0.1 ? 2 : 1);
        number.dataset.value = value;
      });
      return element("div", { class: "ntm-fader" }, input, track, number);
    }

    button(text, attributes, act) {
      const button = element("button", { type: "button", ...attributes }, text);
      button.addEventListener("click", act);
      return button;
    }

    /** A radio button that gives a part of the state a value: with its like it is one stop for the Tab key. */
    radio(name, text, value_of, label = text) {
      const input = element("input", { type: "radio", name: `${this.id}-${name}`, "aria-label": label });
      input.addEventListener("change", () => this.change({ [name]: value_of(this.state) }));
      this.redraws.push((state) => (input.checked = String(state[name]) === String(value_of(state))));
      return element("label", {}, input, element("span", {}, text));
    }

    // --- Pictures

    /** A panel: its title, what it asks, and what is in it; the sentence at its foot says what happens now. */
    panel(kind, title, question, ...children) {
      const id = `${this.id}-${kind}`;
      const says = element("p", { class: "ntm-says" });
      this.redraws.push((state, result) => (says.textContent = WORDS[kind](state, result, this.trail)));
      const asks = element("p", { class: "ntm-asks" }, question);
      const attributes = { class: `ntm-panel ntm-panel-${kind}`, role: "group", "aria-labelledby": id };
      return element("div", attributes, element("h3", { id }, title), asks, ...children, says);
    }

    /** A weighting: one bar a location, its number beside it, and as a line the bar that went into this stage. */
    weighting(stage, label, before, place = String) {
      const list = element("ol", { class: "ntm-weighting", "aria-label": label, "data-stage": stage });
      for (const i of range(N)) {
        const bar = element("span", { class: "ntm-bar" }, element("span", { class: "ntm-fill" }));
        if (before) bar.append(element("span", { class: "ntm-before" }));
        const number = element("span", { class: "ntm-number" });
        list.append(element("li", {}, element("span", { class: "ntm-place" }, place(i)), bar, number));
        this.redraws.push((_, result) => {
          const weight = result[stage][i];
          bar.style.setProperty("--weight", weight);
          if (before) {
            bar.style.setProperty("--before", result[before][i]);
            bar.classList.toggle("ntm-changed", Math.abs(result[before][i] - weight) > 0.005);
          }
          number.textContent = show(weight);
          number.dataset.value = weight;
        });
      }
      return list;
    }

    /** A cell with a number, in a colour that says its sign and size; empty while there is none. */
    cell(get) {
      const node = element("td", { class: "ntm-cell" });
      this.redraws.push((state, result) => {
        const value = get(state, result);
        const places = Math.abs(value) < 9.995 ? 2 : Math.abs(value) < 99.95 ? 1 : 0; // there is room for four digits
        node.textContent = value === undefined ? "" : show(value, places);
        node.dataset.value = value ?? "";
        node.classList.toggle("ntm-negative", value < 0);
        node.style.setProperty("--size", clamp(Math.abs(value ?? 0), 0, 1));
      });
      return node;
    }

    /** A memory, one row a location; above its columns the faders of a vector. */
    memory_table(name, caption, vector, step, place = String) {
      const rows = range(N).map((i) => {
        const cell = (m) => this.cell((_, result) => result[name][i][m]);
        return table_row(place(i), range(M).map(cell));
      });
      const fader = (m) => element("td", {}, this.fader(vector, m, `${vector}, column ${m}`, step));
      const faders = vector ? [table_row(vector, range(M).map(fader))] : [];
      return make_table(name, caption, [...faders, title_row(M)], rows);
    }

    /** The memory with the key above its columns, and beside its rows how much each is like the key. */
    key_table(place) {
      const table = this.memory_table("memory", "Memory before the step", "key", 0.05, place);
      table.tHead.rows[0].append(element("td"));
      table.tHead.rows[1].append(element("th", { scope: "col", title: "cosine similarity of key and row" }, "like"));
      range(N).forEach((i) => {
        const node = this.cell((_, result) => result.similarity[i]);
        node.classList.add("ntm-similarity");
        table.tBodies[0].rows[i].append(node);
      });
      return table;
    }

    /** Three faders that share the weight among the moves. */
    shift_faders() {
      const names = ["\u22121", "0", "+1"];
      const faders = names.map((name, i) =>
        element("div", {}, this.fader("shift", i, `shift, share of ${name}`, 1 / SHARES), element("span", {}, name)),
      );
      const label = element("span", { class: "ntm-line", "aria-hidden": "true" }, "shift");
      return element("div", { class: "ntm-shift", role: "group", "aria-label": "shift" }, label, ...faders);
    }

    read_table() {
      const cells = range(M).map((m) => this.cell((_, result) => result.read[m]));
      return make_table("read", "Read vector", [title_row(M)], [table_row("read", cells)]);
    }

    /** The weightings of the last steps, one row a step, the newest at the bottom. */
    trail_table() {
      const rows = range(TRAIL).map((t) => {
        const row = table_row("", range(N).map((i) => this.cell(() => this.trail[t]?.[i])));
        this.redraws.push(({ step }) => {
          const done = t < this.trail.length;
          row.setAttribute("aria-hidden", !done);
          row.firstChild.textContent = done ? step - this.trail.length + t + 1 : "\u00a0";
        });
        return row;
      });
      return make_table("trail", "Weightings that the last steps ended with", [title_row(N)], rows);
    }

    presets() {
      const group = element("div", { class: "ntm-presets", role: "group", "aria-label": "Stories" });
      for (const [preset, { name }] of Object.entries(PRESETS)) {
        const button = this.button(name, { "data-preset": preset }, () => this.leap(start_of(preset), []));
        this.redraws.push((state) => button.setAttribute("aria-pressed", state.preset === preset));
        group.append(button);
      }
      return group;
    }

    /** Which comes first, erase or add: the machine's order, and the wrong one to compare it with. */
    order() {
      const radio = (order, text) => this.radio("order", text, () => order);
      const choices = [radio("erase-first", "erase, then add (the NTM)"), radio("add-first", "add, then erase")];
      return element("fieldset", { class: "ntm-order" }, element("legend", {}, "Order"), ...choices);
    }

    /** Step, Reset, and the weighting that Step will make the one before: always in sight. */
    bar() {
      const step = this.button("Step", { class: "ntm-step", "data-act": "step" }, () => this.step());
      const reset = this.button("Reset", { "data-act": "reset" }, () => this.reset());
      const title = element("div");
      this.redraws.push((state) => (title.textContent = `Next: step ${state.step + 1}`));
      const bars = range(N).map((i) => {
        const bar = element("i");
        this.redraws.push((_, result) => bar.style.setProperty("--weight", result.weighting[i]));
        return element("span", {}, bar, `${i}`);
      });
      const strip = element("div", { class: "ntm-strip", "aria-hidden": "true" }, title, ...bars);
      return element("div", { class: "ntm-control-bar" }, step, reset, strip, this.status);
    }

    help() {
      const keys = "Drag a slider, or go to it with the Tab key and use the arrow keys";
      const enter = this.steps ? "; Enter then presses Step." : ".";
      const dotted = this.has("gate") || this.has("shift") || this.has("gamma");
      const before = dotted ? " A dotted line shows where a bar ended before its panel changed it." : "";
      const back = this.whole ? " Reset puts memory and head back; a story’s button puts back all." : "";
      return element("p", { class: "ntm-help" }, keys + enter + back + before);
    }

    /** All panels of the stages shown, each with what goes into it, unless the panel before it shows that. */
    panels() {
      const panels = [];
      const show_panel = (...parts) => panels.push(this.panel(...parts));
      const trail = () => show_panel("trail", "Steps so far", "Where has the head been?", this.trail_table());
      const writes_only = this.has("write") && !this.whole;
      const as_key = (i) => `${i}: use what location ${i} holds as the key`;
      const key_from = (i) => this.radio("key", i, ({ memory }) => nearest(memory[i]), as_key(i));
      const head_at = (i) => this.radio("previous", i, () => one_hot(i), `${i}: put the head at location ${i}`);

      if (this.has("content")) {
        const asks = "What is the head looking for? Choose a location’s number, and its row becomes the key.";
        show_panel("memory", "Memory and key", asks, this.key_table(key_from));
        const slider = this.slider("strength", 0.5, "0: all alike", "50: only the best");
        const drawn = this.weighting("content", "Content weighting");
        show_panel("content", "1 Content", "Which locations are like the key? And how sure is that?", slider, drawn);
      } else if (this.has("gate")) {
        const drawn = this.weighting("content", "Content weighting", null, key_from);
        show_panel("content", "Content", "Where does the search point? Choose a location to search for it.", drawn);
      }
      if (this.whole) trail();
      if (this.has("gate") || this.has("shift")) {
        const drawn = this.weighting("previous", "Previous weighting", null, head_at);
        show_panel("previous", "Before", "Where was the head a step ago? Choose a location to put it there.", drawn);
      }
      if (this.has("gate")) {
        const slider = this.slider("gate", 0.05, "0: the old place", "1: search");
        const drawn = this.weighting("gated", "Gated weighting", "previous");
        show_panel("gated", "2 Interpolation", "Search, or go on from where the head was?", slider, drawn);
      }
      if (this.has("shift")) {
        const drawn = this.weighting("shifted", "Shifted weighting", "gated");
        show_panel("shifted", "3 Shift", "Move back, stay, or move on? The three sum to 1.", this.shift_faders(), drawn);
      }
      if (this.has("gamma")) {
        const slider = this.slider("gamma", 0.5, "1: as it is", "20: very sharp");
        const drawn = this.weighting("weighting", "Weighting", "shifted");
        show_panel("weighting", "4 Sharpening", "How sharp shall it be? This is the result.", slider, drawn);
      }
      if (writes_only) {
        const drawn = this.weighting("weighting", "Weighting", null, head_at);
        show_panel("place", "Weighting", "Where is the head? Choose a location to put it there.", drawn);
        const table = this.memory_table("memory", "Memory before the step");
        show_panel("store", "Memory", "What is there before the step?", table);
      }
      if (!this.whole && (this.has("shift") || this.has("gamma"))) trail();
      if (this.whole) show_panel("read", "Read", "What does the head get, before it writes?", this.read_table());
      return panels;
    }

    /** Erase and add, in the order that is chosen. */
    writing() {
      const erased = this.memory_table("erased", "Memory after erasing", "erase", 0.1);
      const added = this.memory_table("added", "Memory after adding", "add", 0.1);
      const erase = this.panel("erased", "Erase", "How much of each column is cleared, where the head is?", erased);
      const add = this.panel("added", "Add", "What is put there, column by column?", added);
      this.redraws.push((state) => {
        const [first, second] = state.order === "erase-first" ? [erase, add] : [add, erase];
        if (first.nextElementSibling !== second) first.after(second);
      });
      return [this.order(), erase, add];
    }

    build() {
      this.status = element("span", { class: "ntm-status", role: "status" });
      const story = element("p", { class: "ntm-story" });
      this.redraws.push((state) => (story.textContent = PRESETS[state.preset].story));
      const panels = element("div", { class: "ntm-panels" }, ...this.panels());
      if (this.has("write")) panels.append(...this.writing());
      this.root.replaceChildren(...(this.whole ? [this.presets()] : []), story);
      if (this.steps) this.root.append(this.bar());
      this.root.append(this.help(), panels);
      if (!this.whole) {
        const link = element("a", {}, "Open this in the lab");
        this.redraws.push((state) => (link.href = new URL(`book/lab.html#${encode(state)}`, SITE).href));
        this.root.append(element("p", { class: "ntm-link" }, link));
      }
      this.root.addEventListener("keydown", (event) => {
        if (event.key === "Enter" && event.target.matches("input") && this.steps) this.step();
      });
      this.root.classList.add("ntm-ready");
    }
  }

  document.querySelectorAll(".ntm-lab").forEach((root) => new Lab(root));
})();
