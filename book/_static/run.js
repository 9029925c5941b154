/* A trained machine from its file, and its run over a batch of tasks.js, step by step.
 *
 *   const machine = ntm.build_machine(ntm.machines["copy-ntm-lstm"]);
 *   const run = new ntm.Run(machine, ntm.machines["copy-ntm-lstm"].signals, batch, 128); // the last: N
 *   while (run.steps.length < run.length) run.advance();
 *   run.steps[5].signals["write head"]; // and output: see advance
 *
 * A kind of machine is a class in ntm.kinds, under the name of its class in Python. It is made of { config, tensors }, and
 * has initial_state(N) and step(x, state), which gives { output, state } and whatever its signals point at.
 * A signal is what machine_signals.py says of it: see there.
 */
(() => {
  "use strict";

  const { range, in_figures } = page;

  const FIRST_CHARACTER = 0x3400; // of the packed weights, see machine_files.py
  const KEEP_EVERY = 32; // steps; what is not kept of the others is computed again when it is looked at
  const FOCUSED = 0.5; // a weighting with less at its largest row is called spread

  /** The inverse of pack in machine_files.py: two characters of 15 bits each hold a float32. */
  function unpack(text, exponents) {
    const bits = new Uint32Array(text.length / 2);
    for (let i = 0; i < bits.length; i++) {
      const high = text.charCodeAt(2 * i) - FIRST_CHARACTER; // sign, which exponent, first 8 bits of the mantissa
      const low = text.charCodeAt(2 * i + 1) - FIRST_CHARACTER; // its last 15 bits
      bits[i] = ((high >> 14) << 31) | (exponents[(high >> 8) & 63] << 23) | ((high & 255) << 15) | low;
    }
    return new Float32Array(bits.buffer);
  }

  /** A machine from what its file holds. */
  ntm.build_machine = ({ kind, config, shapes, exponents, text }) => {
    const weights = unpack(text, exponents);
    const tensors = {};
    let start = 0;
    for (const [name, shape] of Object.entries(shapes)) {
      const size = shape.reduce((product, length) => product * length, 1);
      tensors[name] = { shape, data: weights.subarray(start, (start += size)) };
    }
    return new ntm.kinds[kind]({ config, tensors });
  };

  /** What a signal points at in what a step gave: ["heads", 1, "gate"] is heads[1].gate. */
  const follow = (made, { at }) => at.reduce((inside, key) => inside[key], made);

  /** Where the number is that is furthest from zero. */
  const largest_at = (numbers) => numbers.reduce((best, x, i) => (Math.abs(x) > Math.abs(numbers[best]) ? i : best), 0);

  /** A machine on its way through a batch: call advance() until steps.length is length. */
  ntm.Run = class {
    constructor(machine, signals, batch, N) {
      Object.assign(this, { machine, signals, batch, N, length: batch.inputs.length });
      this.over_time = this.drawn_as("weighting", "map", "strip");
      this.steps = []; // output (logits), and the numbers of each signal by its title; a tape is not kept
      this.kept = []; // the state before every 32nd step
      this.state = machine.initial_state(N);
    }

    drawn_as(...ways) {
      return this.signals.filter(({ drawn }) => ways.includes(drawn));
    }

    advance() {
      if (this.steps.length % KEEP_EVERY === 0) this.kept.push(this.state);
      const made = this.machine.step(this.batch.inputs[this.steps.length], this.state);
      const numbers = (signal) => [signal.title, Float32Array.from([follow(made, signal)].flat())];
      this.steps.push({ output: made.output, signals: Object.fromEntries(this.over_time.map(numbers)) });
      this.state = made.state;
    }

    /** The numbers of a signal, for every step. */
    series({ title }) {
      return this.steps.map(({ signals }) => signals[title]);
    }

    /** The rows of a tape after a step: computed again from the last state that was kept, or that was looked at. */
    tape_at(step, tape) {
      const first = Math.floor(step / KEEP_EVERY) * KEEP_EVERY;
      const near = this.seen && this.seen.step >= first && this.seen.step <= step;
      if (!near) this.seen = { step: first - 1, made: { state: this.kept[first / KEEP_EVERY] } };
      while (this.seen.step < step) {
        const next = this.seen.step + 1;
        this.seen = { step: next, made: this.machine.step(this.batch.inputs[next], this.seen.made.state) };
      }
      return follow(this.seen.made, tape);
    }

    is_wrong(step, channel) {
      const bit = this.steps[step].output[channel] > 0 ? 1 : 0; // a logit above 0 is a probability above one half
      return this.batch.mask[step] && bit !== this.batch.targets[step][channel];
    }

    wrong_at(step) {
      return this.batch.targets[step].filter((_, channel) => this.is_wrong(step, channel)).length;
    }

    /** What a signal is at a step: its one number, or the largest of them: "location 24 (0.12), spread". */
    in_words(step, { title, drawn, row, rows }) {
      const numbers = this.steps[step].signals[title];
      if (numbers.length === 1) return numbers[0].toFixed(2);
      const largest = largest_at(numbers);
      const spread = drawn === "weighting" && numbers[largest] < FOCUSED ? ", spread" : "";
      return `${rows[largest] ?? `${row} ${in_figures(largest)}`} (${numbers[largest].toFixed(2)})${spread}`;
    }

    /** All weightings in words: what is read aloud of a step. */
    aloud(step) {
      return this.drawn_as("weighting").map((signal) => `${signal.title}: ${this.in_words(step, signal)}`);
    }

    /** At which steps bits are wrong, from the first to the last. */
    get wrong_steps() {
      return range(this.length).filter((step) => this.wrong_at(step));
    }
  };
})();
