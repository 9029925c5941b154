/* The addressing lab: figure 2 of the paper, live. All numbers come from ntm.js; this file only draws them and listens.
 *
 * Wherever a page has <div class="ntm-lab">, a lab is built in it. Attributes of the div:
 *   data-preset   which preset it starts with, a key of PRESETS
 *   data-stages   the stages it shows, some of STAGES; all of them if left out
 *   data-address  keeps its state in the page's address; for one lab a page
 */
(() => {
  "use strict";

  const STAGES = ["content", "gate", "shift", "gamma", "read", "write"];
  const TRAIL = 8; // past weightings to show
  const SHARES = 20; // a shift moves in twentieths, so that three of them always sum to 1

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
  const nearest = (row) => row.map((value) => Math.round(20 * Math.max(-1, Math.min(1, value))) / 20); // faders can do
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
        "The key is a spoiled copy of location 2, and location 7 is much like it. Raise the strength: the weight gathers " +
        "at 2. Lower it to 0: the key has no say, and every location gets 1/8.",
      state: { gate: 1, strength: 5, key: [0.3, -0.5, 0.9, 0.1, -0.2, 0.6] },
    },
    choose: {
      name: "Search or stay",
      story:
        "The key asks for location 1, but a step ago the head was at 4. The gate decides: at 1 it searches, at 0 it " +
        "stays, and half-open it points to both places, not to the middle. Press Step: the old focus fades.",
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
        "and it goes on from there. Put the whole shift on -1 and it goes back.",
      state: { previous: one_hot(7), shift: NEXT },
    },
    blur: {
      name: "Blur",
      story:
        "The head means to stay, but a tenth of the shift leaks to each side, and gamma is 1. Press Step ten times: the " +
        "focus melts. Press Reset, set gamma to 2, and step again: sharpening repairs the blur at every step.",
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
        "again and again: in columns 0 to 2 these rows come closer to the add vector, the middle one first. Columns 3 to 5 stay.",
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

  const RANGES = { strength: [0, 50], gate: [0, 1], gamma: [1, 20], step: [0, 9999] };
  const VECTORS = { key: [M, -1, 1], shift: [3, 0, 1], erase: [M, 0, 1], add: [M, -1, 1] };
  VECTORS.previous = [N, 0, 1];
  VECTORS.memory = [N * M, -1e6, 1e6];

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
    const numbers = (name, count, low, high) => {
      const found = (asked.get(name) ?? "").split(",").map((part) => (part.trim() === "" ? NaN : Number(part)));
      return found.length === count && found.every((value) => value >= low && value <= high) ? found : null;
    };
    for (const [name, range] of Object.entries(RANGES)) state[name] = (numbers(name, 1, ...range) ?? [state[name]])[0];
    for (const [name, range] of Object.entries(VECTORS)) {
      const found = numbers(name, ...range);
      const shares = name === "shift" || name === "previous";
      if (!found || (shares && Math.abs(found.reduce((a, b) => a + b) - 1) > 1e-3)) continue;
      state[name] = found;
      if (name === "previous") state.previous = found.map(Math.fround);
      if (name === "memory") state.memory = MEMORY.map((_, i) => found.slice(i * M, (i + 1) * M).map(Math.fround));
    }
    if (asked.get("order") === "add-first") state.order = "add-first";
    return state;
  }

  // --- In words: what every parameter does right now

  /** A number as people write it: with a true minus, and no minus before a zero. */
  function show(value, places = 2) {
    const text = value.toFixed(places);
    return Number(text) === 0 ? text.replace("-", "") : text.replace("-", "\u2212");
  }
  const percent = (value) => `${Math.round(100 * value)} %`;
  const top = (vector) => vector.indexOf(Math.max(...vector));

  const WORDS = {
    memory({ key }, { similarity }) {
      if (key.every((value) => value === 0)) return "The key is zero: it is like nothing.";
      const i = top(similarity);
      return `Most like the key is row ${i}, by ${show(similarity[i])}. Same direction would be 1, opposite \u22121.`;
    },
    content({ strength }, { content }) {
      if (strength === 0) return "Strength 0: the key has no say. Every location gets 1/8.";
      const [best, second] = content.map((_, i) => i).sort((i, j) => content[j] - content[i]);
      if (content[best] > 0.995) return `Location ${best} gets it all.`;
      if (show(content[best], 3) === show(content[second], 3)) return "No location is more like the key than the next.";
      return `Location ${best} gets ${percent(content[best])}, the runner-up, ${second}, ${percent(content[second])}.`;
    },
    previous({ previous }) {
      const i = top(previous);
      if (previous[i] > 0.995) return `The head was at location ${i}.`;
      return `The head was spread out. At location ${i} it had ${percent(previous[i])}, and nowhere more.`;
    },
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
      const i = top(weighting);
      if (gamma === 1) return `Gamma 1 changes nothing. The largest weight is ${show(weighting[i])}, at location ${i}.`;
      const [from, to] = [show(shifted[i]), show(weighting[i])];
      if (from === to) return "Nothing to sharpen: one location has it all, or the largest are equal.";
      return `The largest weight grows from ${from} to ${to}, at the cost of the smaller ones.`;
    },
    place(_, { weighting }) {
      const i = top(weighting);
      return `The head is at location ${i}, with ${percent(weighting[i])} of its weight.`;
    },
    read(_, { weighting }) {
      const i = top(weighting);
      return `An average of the rows: ${percent(weighting[i])} of it is row ${i}.`;
    },
    erased({ erase }, { weighting }) {
      const [i, m] = [top(weighting), top(erase)];
      if (erase[m] === 0) return "The erase vector is zero: nothing is erased.";
      const kept = `1 \u2212 ${show(weighting[i])} \u00d7 ${show(erase[m])} = ${show(1 - weighting[i] * erase[m])}`;
      return `Location ${i}, column ${m} keeps ${kept} of what it held.`;
    },
    added({ add }, { weighting }) {
      const [i, m] = [top(weighting), top(add.map(Math.abs))];
      if (add[m] === 0) return "The add vector is zero: nothing is added.";
      const gain = `${show(weighting[i])} \u00d7 ${show(add[m])} = ${show(weighting[i] * add[m])}`;
      return `Location ${i}, column ${m} gets ${gain} on top.`;
    },
  };

  // --- Drawing

  /** A new element with these attributes and children; true stands for an attribute without a value. */
  function element(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value !== undefined) node.setAttribute(name, value === true ? "" : value);
    }
    node.append(...children);
    return node;
  }

  const replaced = (vector, i, value) => vector.map((old, j) => (j === i ? value : old));

  /** A shift with share i set: the other two keep their ratio, and all three sum to 1. */
  function share_out(shift, i, value) {
    const [one, other] = [0, 1, 2].filter((j) => j !== i);
    const rest = SHARES - Math.round(value * SHARES);
    const both = shift[one] + shift[other];
    const part = Math.round(both > 0 ? (rest * shift[one]) / both : rest / 2);
    const shares = { [i]: SHARES - rest, [one]: part, [other]: rest - part };
    return [0, 1, 2].map((j) => shares[j] / SHARES);
  }

  const SITE = new URL("../", document.currentScript.src); // the root of the book, from any of its pages
  let labs = 0;

  class Lab {
    constructor(root) {
      this.root = root;
      this.id = `ntm-lab-${++labs}`;
      this.preset = Object.hasOwn(PRESETS, root.dataset.preset) ? root.dataset.preset : "content";
      this.stages = (root.dataset.stages ?? STAGES.join(" ")).split(/[\s,]+/).filter((stage) => STAGES.includes(stage));
      this.whole = !("stages" in root.dataset);
      this.steps = ["gate", "shift", "gamma", "write"].some((stage) => this.has(stage)); // these have a past
      this.keeps_address = "address" in root.dataset;
      this.redraws = []; // one function for each thing drawn; called with state and result
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
      this.redraw();
    }

    /** One control moved: the address follows a moment later, without a new entry in the history. */
    change(part) {
      this.state = { ...this.state, ...part };
      this.redraw();
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.keep("replaceState"), 200);
    }

    /** Something new begins (a step, a preset): what was is one entry back in the history. */
    leap(state, trail) {
      clearTimeout(this.timer);
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
      const i = top(result.weighting);
      this.status.textContent = `After step ${this.state.step}: ${percent(result.weighting[i])} at location ${i}`;
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
    slider(name, label, step, low_end, high_end) {
      const [low, high] = RANGES[name];
      const id = `${this.id}-${name}`;
      const input = element("input", { type: "range", id, min: low, max: high, step, "data-control": name });
      const output = element("output", { for: id });
      input.addEventListener("input", () => this.change({ [name]: Number(input.value) }));
      this.redraws.push((state) => {
        input.value = state[name];
        output.textContent = show(state[name], step < 0.1 ? 2 : 1);
      });
      const ends = element("div", { class: "ntm-ends" }, element("span", {}, low_end), element("span", {}, high_end));
      const line = element("div", { class: "ntm-line" }, element("label", { for: id }, label), output);
      return element("div", { class: "ntm-slider" }, line, input, ends);
    }

    /** One upright slider: drag its bar with the mouse or a finger, or use the arrow keys. */
    fader(name, i, label, step) {
      const [, low, high] = VECTORS[name];
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
        const height = Math.min(1, Math.max(0, reached));
        const steps = Math.round((height * (high - low)) / step);
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
        number.textContent = show(value, name === "shift" ? 2 : 1);
        number.dataset.value = value;
      });
      return element("div", { class: "ntm-fader" }, input, track, number);
    }

    /** A button on a location's number. */
    place_button(i, label, act) {
      const button = element("button", { type: "button", "aria-label": `${i}: ${label}`, title: label }, `${i}`);
      button.addEventListener("click", act);
      return button;
    }

    key_button(i) {
      const use = () => this.change({ key: nearest(this.state.memory[i]) });
      return this.place_button(i, `use what location ${i} holds as the key`, use);
    }

    head_button(i) {
      const put = () => this.change({ previous: one_hot(i) });
      return this.place_button(i, `put the head at location ${i}`, put);
    }

    // --- Pictures

    /** A panel: its title, what it asks, and what is in it; the sentence at its foot says what happens now. */
    panel(kind, title, question, ...children) {
      const id = `${this.id}-${kind}`;
      const says = element("p", { class: "ntm-says" });
      if (WORDS[kind]) this.redraws.push((state, result) => (says.textContent = WORDS[kind](state, result)));
      const head = element("h3", { id }, title);
      const asks = element("p", { class: "ntm-asks" }, question);
      const attributes = { class: `ntm-panel ntm-panel-${kind}`, role: "group", "aria-labelledby": id };
      return element("div", attributes, head, asks, ...children, says);
    }

    /** A weighting: one bar a location, its number beside it, and as a line the bar that went into this stage. */
    weighting(stage, label, { before, button } = {}) {
      const list = element("ol", { class: "ntm-weighting", "aria-label": label, "data-stage": stage });
      for (let i = 0; i < N; i++) {
        const place = element("span", { class: "ntm-place" }, button ? button.call(this, i) : `${i}`);
        const bar = element("span", { class: "ntm-bar" }, element("span", { class: "ntm-fill" }));
        if (before) bar.append(element("span", { class: "ntm-before" }));
        const number = element("span", { class: "ntm-number" });
        list.append(element("li", {}, place, bar, number));
        this.redraws.push((_, result) => {
          bar.style.setProperty("--weight", result[stage][i]);
          if (before) {
            bar.style.setProperty("--before", result[before][i]);
            bar.classList.toggle("ntm-changed", Math.abs(result[before][i] - result[stage][i]) > 0.005);
          }
          number.textContent = show(result[stage][i]);
          number.dataset.value = result[stage][i];
        });
      }
      return list;
    }

    /** A cell with a number, in a colour that says its sign and size. */
    cell(get) {
      const node = element("td", { class: "ntm-cell" });
      this.redraws.push((state, result) => {
        const value = get(state, result);
        node.textContent = show(value);
        node.dataset.value = value;
        node.classList.toggle("ntm-negative", value < 0);
        node.style.setProperty("--size", Math.min(1, Math.abs(value)));
      });
      return node;
    }

    /** A memory, one row a location; above its columns the faders of a vector, beside its rows the similarities. */
    memory_table(name, label, { vector, step, similarity, button } = {}) {
      const columns = [...Array(M).keys()];
      const table = element("table", { class: "ntm-memory", "data-memory": name }, element("caption", {}, label));
      const head = element("thead");
      if (vector) {
        const faders = columns.map((m) => element("td", {}, this.fader(vector, m, `${vector}, column ${m}`, step)));
        head.append(element("tr", {}, element("th", { scope: "row" }, vector), ...faders));
      }
      const titles = columns.map((m) => element("th", { scope: "col" }, `${m}`));
      if (similarity) {
        if (vector) head.lastChild.append(element("td"));
        titles.push(element("th", { scope: "col", title: "cosine similarity of key and row" }, "like"));
      }
      head.append(element("tr", { class: "ntm-columns" }, element("td"), ...titles));
      const body = element("tbody");
      for (let i = 0; i < N; i++) {
        const row = element("tr", {}, element("th", { scope: "row" }, button ? button.call(this, i) : `${i}`));
        columns.forEach((m) => row.append(this.cell((_, result) => result[name][i][m])));
        if (similarity) {
          const node = this.cell((_, result) => result.similarity[i]);
          node.classList.add("ntm-similarity");
          row.append(node);
        }
        body.append(row);
      }
      table.append(head, body);
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

    /** The read vector: a single column, since it stands beside no memory. */
    read_list() {
      const rows = [...Array(M).keys()].map((m) =>
        element("tr", {}, element("th", { scope: "row" }, `${m}`), this.cell((_, result) => result.read[m])),
      );
      const caption = element("caption", {}, "Read vector");
      return element("table", { class: "ntm-memory", "data-memory": "read" }, caption, element("tbody", {}, ...rows));
    }

    /** The weightings of the last steps, one row a step, the newest at the bottom. */
    trail_table() {
      const titles = [...Array(N).keys()].map((i) => element("th", { scope: "col" }, `${i}`));
      const head = element("thead", {}, element("tr", { class: "ntm-columns" }, element("td"), ...titles));
      const rows = Array.from({ length: TRAIL }, () => {
        const row = element("tr", {}, element("th", { scope: "row" }));
        row.append(...titles.map(() => element("td", { class: "ntm-cell" })));
        return row;
      });
      this.redraws.push((state) => {
        rows.forEach((row, t) => {
          const weighting = this.trail[t];
          const [name, ...cells] = row.children;
          row.setAttribute("aria-hidden", !weighting);
          name.textContent = weighting ? `${state.step - this.trail.length + t + 1}` : "\u00a0";
          cells.forEach((cell, i) => {
            cell.textContent = weighting ? show(weighting[i]) : "";
            cell.style.setProperty("--size", weighting ? weighting[i] : 0);
          });
        });
      });
      const caption = element("caption", {}, "Steps, and the weightings that they ended with");
      const body = element("tbody", {}, ...rows);
      return element("table", { class: "ntm-memory", "data-memory": "trail" }, caption, head, body);
    }

    presets() {
      const group = element("div", { class: "ntm-presets", role: "group", "aria-label": "Stories" });
      for (const [preset, { name }] of Object.entries(PRESETS)) {
        const button = element("button", { type: "button", "data-preset": preset }, name);
        button.addEventListener("click", () => {
          this.leap(start_of(preset), []);
          this.status.textContent = "";
        });
        this.redraws.push((state) => button.setAttribute("aria-pressed", state.preset === preset));
        group.append(button);
      }
      return group;
    }

    /** Which comes first, erase or add: the machine's order, and the wrong one to compare it with. */
    order() {
      const group = element("fieldset", { class: "ntm-order" }, element("legend", {}, "Order"));
      const choices = { "erase-first": "erase, then add (the NTM)", "add-first": "add, then erase" };
      for (const [order, label] of Object.entries(choices)) {
        const input = element("input", { type: "radio", name: `${this.id}-order`, value: order });
        input.addEventListener("change", () => this.change({ order }));
        this.redraws.push((state) => (input.checked = state.order === order));
        group.append(element("label", {}, input, ` ${label}`));
      }
      return group;
    }

    /** Step, reset, and where the head is: always in sight. */
    bar() {
      const step = element("button", { type: "button", class: "ntm-step", "data-act": "step" }, "Step");
      const reset = element("button", { type: "button", "data-act": "reset" }, "Reset");
      step.addEventListener("click", () => this.step());
      reset.addEventListener("click", () => this.reset());
      const strip = element("div", { class: "ntm-strip", "aria-hidden": "true" });
      for (let i = 0; i < N; i++) {
        const bar = element("i");
        this.redraws.push((_, result) => bar.style.setProperty("--weight", result.weighting[i]));
        strip.append(element("span", {}, bar, `${i}`));
      }
      return element("div", { class: "ntm-control-bar" }, step, reset, strip, this.status);
    }

    /** All panels of the stages shown, each with what goes into it, unless the panel before it shows that. */
    panels() {
      const panels = [];
      const show_panel = (...parts) => panels.push(this.panel(...parts));
      const { key_button, head_button } = this;
      const writes_only = !this.has("gamma") && (this.has("read") || this.has("write"));

      if (this.has("content")) {
        const options = { vector: "key", step: 0.05, similarity: true, button: key_button };
        const table = this.memory_table("memory", "Memory before the step", options);
        show_panel("memory", "Memory and key", "Drag the key. Or press a location: its row becomes the key.", table);
        const slider = this.slider("strength", "strength", 0.5, "0: any will do", "50: only the best");
        const drawn = this.weighting("content", "Content weighting");
        show_panel("content", "1 Content", "Which locations are like the key? And how sure is that?", slider, drawn);
      } else if (this.has("gate")) {
        const drawn = this.weighting("content", "Content weighting", { button: key_button });
        show_panel("content", "Content", "Where does the search point? Press a location to search for it.", drawn);
      }
      if (this.has("gate") || this.has("shift")) {
        const drawn = this.weighting("previous", "Previous weighting", { button: head_button });
        show_panel("previous", "Before", "Where was the head a step ago? Press a location to put it there.", drawn);
      }
      if (this.has("gate")) {
        const slider = this.slider("gate", "gate", 0.05, "0: stay", "1: search");
        const drawn = this.weighting("gated", "Gated weighting", { before: "previous" });
        show_panel("gated", "2 Interpolation", "Search, or go on from where the head was?", slider, drawn);
      }
      if (this.has("shift")) {
        const drawn = this.weighting("shifted", "Shifted weighting", { before: "gated" });
        show_panel("shifted", "3 Shift", "Move back, stay, or move on? Drag the shares.", this.shift_faders(), drawn);
      }
      if (this.has("gamma")) {
        const slider = this.slider("gamma", "gamma", 0.5, "1: as it is", "20: winner takes all");
        const drawn = this.weighting("weighting", "Weighting", { before: "shifted" });
        show_panel("weighting", "4 Sharpening", "How sharp shall it be? This is the result.", slider, drawn);
      } else if (writes_only) {
        const drawn = this.weighting("weighting", "Weighting", { button: head_button });
        show_panel("place", "Weighting", "Where is the head? Press a location to put it there.", drawn);
      }
      if (writes_only && !this.has("content")) {
        const table = this.memory_table("memory", "Memory before the step");
        show_panel("store", "Memory", "What is there before the step?", table);
      }
      if (this.has("shift") || this.has("gamma")) {
        show_panel("trail", "Steps so far", "Press Step: the result becomes the past.", this.trail_table());
      }
      if (this.has("read")) show_panel("read", "Read", "What does the head get?", this.read_list());
      return panels;
    }

    /** Erase and add, in the order that is chosen. */
    writing() {
      const erased = this.memory_table("erased", "Memory after erasing", { vector: "erase", step: 0.1 });
      const added = this.memory_table("added", "Memory after adding", { vector: "add", step: 0.1 });
      const erase = this.panel("erased", "Erase", "How much of each column is cleared, where the head is?", erased);
      const add = this.panel("added", "Add", "What is put there, column by column?", added);
      this.redraws.push((state) => {
        const [first, second] = state.order === "erase-first" ? [erase, add] : [add, erase];
        if (first.nextElementSibling !== second) first.after(second);
      });
      return [erase, add, this.order()];
    }

    build() {
      this.status = element("span", { class: "ntm-status", role: "status" });
      const story = element("p", { class: "ntm-story" });
      this.redraws.push((state) => (story.textContent = PRESETS[state.preset].story));
      const panels = element("div", { class: "ntm-panels" }, ...this.panels());
      if (this.has("write")) panels.append(...this.writing());
      this.root.replaceChildren(...(this.whole ? [this.presets()] : []), story, panels);
      if (this.steps) this.root.append(this.bar());
      if (!this.whole) {
        const link = element("a", {}, "Open this in the lab");
        this.redraws.push((state) => (link.href = new URL(`book/lab.html#${encode(state)}`, SITE).href));
        this.root.append(element("p", { class: "ntm-link" }, link));
      }
      this.root.classList.add("ntm-ready");
    }
  }

  document.querySelectorAll(".ntm-lab").forEach((root) => new Lab(root));
})();
