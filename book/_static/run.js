/* A trained machine from its file, and its run over a batch of tasks.js, step by step.
 *
 *   const run = new ntm.Run(ntm.build_machine(ntm.machines["copy-lstm"]), batch, 128); // the last: N
 *   while (run.steps.length < run.length) run.advance();
 *   run.steps[5].heads[0].weighting; // and output, and what else each head did: see advance
 */
(() => {
  "use strict";

  const { range, number } = page;

  const FIRST_CHARACTER = 0x3400; // of the packed weights, see machine_files.py
  const KEEP_EVERY = 32; // steps; the memory after the others is computed again when it is looked at
  const FOCUSED = 0.5; // a weighting with less at its largest location is called spread

  ntm.largest_at = (vector) => vector.reduce((best, value, i) => (value > vector[best] ? i : best), 0);

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
  ntm.build_machine = ({ config, shapes, exponents, text }) => {
    const weights = unpack(text, exponents);
    const tensors = {};
    let start = 0;
    for (const [name, shape] of Object.entries(shapes)) {
      const size = shape.reduce((product, length) => product * length, 1);
      tensors[name] = { shape, data: weights.subarray(start, (start += size)) };
    }
    return new ntm.NTM({ config, tensors });
  };

  /** A machine on its way through a batch: call advance() until steps.length is length. */
  ntm.Run = class {
    constructor(machine, batch, N) {
      Object.assign(this, { machine, batch, N, length: batch.inputs.length });
      this.steps = []; // output (logits), and what each head did
      this.kept = []; // the state before every 32nd step
      this.state = machine.initial_state(N);
    }

    advance() {
      if (this.steps.length % KEEP_EVERY === 0) this.kept.push(this.state);
      const { output, state, heads } = this.machine.step(this.batch.inputs[this.steps.length], this.state);
      const slim = ({ kind, strength, gate, shift, gamma, weighting }) => {
        const focus = ntm.largest_at(weighting);
        return { kind, strength, gate, shift, gamma, weighting: Float32Array.from(weighting), focus };
      };
      this.steps.push({ output, heads: heads.map(slim) });
      this.state = state;
    }

    /** The heads by name, in the order in which they are shown: those that write first. */
    get heads() {
      const { heads } = this.steps[0];
      const named = (kind) => {
        const same = range(heads.length).filter((i) => heads[i].kind === kind);
        return same.map((index, i) => ({ index, kind, name: `${kind} head${same.length > 1 ? ` ${i + 1}` : ""}` }));
      };
      return [...named("write"), ...named("read")];
    }

    /** Memory after a step: computed again from the last state that was kept, or that was looked at. */
    memory_at(step) {
      const first = Math.floor(step / KEEP_EVERY) * KEEP_EVERY;
      const near = this.seen && this.seen.step >= first && this.seen.step <= step;
      let { step: at, state } = near ? this.seen : { step: first - 1, state: this.kept[first / KEEP_EVERY] };
      while (at < step) state = this.machine.step(this.batch.inputs[++at], state).state;
      this.seen = { step, state };
      return state.memory;
    }

    is_wrong(step, channel) {
      const bit = this.steps[step].output[channel] > 0 ? 1 : 0; // a logit above 0 is a probability above one half
      return this.batch.mask[step] && bit !== this.batch.targets[step][channel];
    }

    wrong_at(step) {
      return this.batch.targets[step].filter((_, channel) => this.is_wrong(step, channel)).length;
    }

    focus_in_words(step, { index }) {
      const { focus, weighting } = this.steps[step].heads[index];
      const spread = weighting[focus] < FOCUSED ? ", spread" : "";
      return `location ${number(focus)} (${weighting[focus].toFixed(2)})${spread}`;
    }
  };
})();
