/* The Neural Turing Machine, equation by equation, as in implementation.py: the same names, the same order, the same care.
 *
 * Plain arrays of numbers, one memory and one head at a time. A memory is an array of N rows of M numbers, a weighting has
 * N numbers, a key, erase, add or read vector M, a shift S. Nothing is changed in place: every function returns new arrays.
 *
 *   const memory = [[1, 0, 0], [0, 1, 0], [0, 0, 1]];
 *   ntm.content_addressing(memory, [1, 0, 0], 10);     // [0.9999, 0.0000, 0.0000], rounded
 *
 *   const machine = new ntm.NTM(weights);              // weights: see the class
 *   let state = machine.initial_state(128);            // any N
 *   const step = machine.step(x, state);               // step.output (logits), step.state, step.heads
 */
window.ntm = (() => {
  "use strict";

  const NORM_FLOOR = 1e-8; // shortest vector length that cosine_similarity divides by
  const CONSTANT_START = 1e-6; // value of every memory cell at the start

  // --- Small tools

  const zeros = (length) => new Array(length).fill(0);
  const sum = (vector) => vector.reduce((total, value) => total + value, 0);
  const largest = (vector) => vector.reduce((most, value) => Math.max(most, value), -Infinity);

  function check_length(name, vector, length, owner) {
    if (vector.length !== length) {
      throw new RangeError(`${name} has length ${vector.length}, but ${owner} needs ${length}`);
    }
  }

  function softmax(scores) {
    const most = largest(scores); // subtracted, so that no exponential overflows
    const powers = scores.map((score) => Math.exp(score - most));
    const total = sum(powers);
    return powers.map((power) => power / total);
  }

  // --- Reading and writing (sections 3.1 and 3.2)

  /** Read from memory: the average of its rows under a weighting (eq 2). */
  function read(memory, weighting) {
    check_length("weighting", weighting, memory.length, "the memory");
    const vector = zeros(memory[0].length);
    for (let i = 0; i < memory.length; i++) {
      for (let m = 0; m < vector.length; m++) vector[m] += weighting[i] * memory[i][m];
    }
    return vector;
  }

  /** Scale memory down where a weighting and an erase vector both point (eq 3). */
  function erase(memory, weighting, erase_vector) {
    check_length("weighting", weighting, memory.length, "the memory");
    check_length("erase_vector", erase_vector, memory[0].length, "the memory");
    return memory.map((row, i) => row.map((value, m) => value * (1 - weighting[i] * erase_vector[m])));
  }

  /** Add a vector to memory, spread by a weighting (eq 4). */
  function add(memory, weighting, add_vector) {
    check_length("weighting", weighting, memory.length, "the memory");
    check_length("add_vector", add_vector, memory[0].length, "the memory");
    return memory.map((row, i) => row.map((value, m) => value + weighting[i] * add_vector[m]));
  }

  /** Write with one head: erase (eq 3), then add (eq 4). */
  function write(memory, weighting, erase_vector, add_vector) {
    return add(erase(memory, weighting, erase_vector), weighting, add_vector);
  }

  /** Write with several heads at once: all erases, then all additions (section 3.2). One entry a head in each list. */
  function write_heads(memory, weightings, erase_vectors, add_vectors) {
    weightings.forEach((weighting, head) => {
      memory = erase(memory, weighting, erase_vectors[head]);
    });
    weightings.forEach((weighting, head) => {
      memory = add(memory, weighting, add_vectors[head]);
    });
    return memory;
  }

  // --- Addressing (section 3.3, figure 2)

  /** Compare a key with every memory row by the angle between them (eq 6). A zero row or key has similarity 0. */
  function cosine_similarity(memory, key) {
    check_length("key", key, memory[0].length, "the memory");
    const key_norm = Math.max(Math.sqrt(sum(key.map((value) => value * value))), NORM_FLOOR);
    return memory.map((row) => {
      let dot = 0;
      let square = 0;
      for (let m = 0; m < key.length; m++) {
        dot += row[m] * key[m];
        square += row[m] * row[m];
      }
      return dot / (Math.max(Math.sqrt(square), NORM_FLOOR) * key_norm);
    });
  }

  /** Focus on the locations that resemble a key: a softmax over similarities (eq 5). */
  function content_addressing(memory, key, strength) {
    return softmax(cosine_similarity(memory, key).map((similarity) => strength * similarity));
  }

  /** Blend the content weighting with the weighting of the step before (eq 7). */
  function interpolate(content, previous, gate) {
    check_length("previous", previous, content.length, "the content weighting");
    // Two ways to say g * content + (1 - g) * previous; as in torch.lerp, each end of the gate comes out exact.
    return content.map((value, i) => {
      const way = value - previous[i];
      return gate < 0.5 ? previous[i] + gate * way : value - (1 - gate) * way;
    });
  }

  /** Move a weighting along the memory, round its end: a circular convolution (eq 8). +1 moves from i to i + 1. */
  function circular_shift(weighting, shift) {
    if (shift.length % 2 === 0) throw new RangeError(`shift must have an odd length, got ${shift.length}`);
    const N = weighting.length;
    const radius = (shift.length - 1) / 2;
    return weighting.map((_, i) => {
      let total = 0;
      for (let move = -radius; move <= radius; move++) {
        const from = (((i - move) % N) + N) % N; // in JavaScript -1 % N is -1
        total += weighting[from] * shift[move + radius];
      }
      return total;
    });
  }

  /** Sharpen a weighting: raise it to a power and normalise (eq 9). Divided by the largest first: no 0 / 0. */
  function sharpen(weighting, gamma) {
    const most = largest(weighting);
    const powers = weighting.map((value) => Math.pow(value / most, gamma));
    const total = sum(powers);
    return powers.map((power) => power / total);
  }

  /** Turn what a head emits into its weighting (figure 2, eqs 5 to 9), and keep the weighting of every stage. */
  function address_stages(memory, previous, key, strength, gate, shift, gamma) {
    const content = content_addressing(memory, key, strength);
    const gated = interpolate(content, previous, gate);
    const shifted = circular_shift(gated, shift);
    return { content, gated, shifted, weighting: sharpen(shifted, gamma) };
  }

  /** Turn what a head emits into its weighting: content, interpolation, shift, sharpening (figure 2, eqs 5 to 9). */
  function address(memory, previous, key, strength, gate, shift, gamma) {
    return address_stages(memory, previous, key, strength, gate, shift, gamma).weighting;
  }

  // --- Controllers and heads

  const sigmoid = (x) => 1 / (1 + Math.exp(-x));
  const softplus = (x) => (x > 20 ? x : Math.log1p(Math.exp(x))); // linear above 20, as torch has it

  /** A linear layer: weight (flat, one row an output) times x, plus bias. */
  function linear({ weight, bias }, x) {
    const output = new Array(bias.length);
    for (let row = 0, at = 0; row < bias.length; row++) {
      let total = bias[row];
      for (let column = 0; column < x.length; column++) total += weight[at++] * x[column];
      output[row] = total;
    }
    return output;
  }

  /** One hidden layer of tanh units; it remembers nothing. */
  class FeedforwardController {
    constructor(layer, input_size, controller_size) {
      this.hidden = layer("controller.hidden", controller_size, input_size);
    }
    initial_state() {
      return [];
    }
    forward(x) {
      return [linear(this.hidden, x).map(Math.tanh), []];
    }
  }

  /** One LSTM layer; its state is [hidden, cell]. */
  class LSTMController {
    constructor(layer, input_size, controller_size) {
      this.size = controller_size;
      this.from_input = layer("controller.cell", 4 * controller_size, input_size, "_ih");
      this.from_hidden = layer("controller.cell", 4 * controller_size, controller_size, "_hh");
    }
    initial_state() {
      return [zeros(this.size), zeros(this.size)];
    }
    forward(x, [hidden, cell]) {
      const from_hidden = linear(this.from_hidden, hidden);
      const gates = linear(this.from_input, x).map((value, i) => value + from_hidden[i]);
      const [enter, keep, candidate, leave] = [0, 1, 2, 3].map((i) => gates.slice(i * this.size, (i + 1) * this.size));
      cell = cell.map((value, i) => sigmoid(keep[i]) * value + sigmoid(enter[i]) * Math.tanh(candidate[i]));
      hidden = cell.map((value, i) => sigmoid(leave[i]) * Math.tanh(value));
      return [hidden, [hidden, cell]];
    }
  }

  const CONTROLLERS = { feedforward: FeedforwardController, lstm: LSTMController };

  // --- The machine (section 3, figure 1)

  const DEFAULTS = {
    controller: "lstm",
    num_reads: 1,
    num_writes: 1,
    shift_range: 1,
    memory_start: "constant",
    head_start: "onehot",
    read_first: true,
  };

  /** A machine with the weights of a Python one.
   *
   * weights.config: the arguments of NTM in implementation.py (input_size, output_size, controller_size, N and M at least;
   * DEFAULTS for the rest). weights.tensors: its state_dict, {name: {shape, data: Float32Array}}. A memory that starts at
   * random is not among them: what it starts with, for each N, only Python's generator knows.
   */
  class NTM {
    constructor({ config, tensors }) {
      this.config = { ...DEFAULTS, ...config };
      const { controller, input_size, output_size, controller_size, N, M } = this.config;
      const { num_reads, num_writes, shift_range, memory_start, head_start } = this.config;
      const heads = num_reads + num_writes;
      this.shift_width = 2 * shift_range + 1;
      if (!CONTROLLERS[controller]) throw new RangeError(`controller must be feedforward or lstm, got ${controller}`);
      if (!["constant", "learned"].includes(memory_start)) {
        throw new RangeError(`memory_start must be constant or learned, got ${memory_start}`);
      }

      const tensor = (name, ...shape) => {
        const found = tensors[name];
        if (!found || String(found.shape) !== String(shape)) {
          const given = found ? `shape [${found.shape}]` : "none";
          throw new RangeError(`tensor ${name} must have shape [${shape}], got ${given}`);
        }
        return Float64Array.from(found.data);
      };
      const layer = (name, rows, columns, suffix = "") => ({
        weight: tensor(`${name}.weight${suffix}`, rows, columns),
        bias: tensor(`${name}.bias${suffix}`, rows),
      });
      this.controller = new CONTROLLERS[controller](layer, input_size + num_reads * M, controller_size);
      this.addressing = layer("heads.addressing", heads * (M + this.shift_width + 3), controller_size);
      this.writing = layer("heads.writing", num_writes * 2 * M, controller_size);
      this.output = layer("output", output_size, controller_size + num_reads * M);
      this.memory_start = memory_start === "learned" ? in_rows(tensor("memory.learned", N, M), M) : null;
      this.head_start = head_start === "learned" ? in_rows(tensor("head_start", heads, N), N) : null;
    }

    /** The state before the first step; N may differ from the machine's own unless a start is learned. */
    initial_state(N = this.config.N) {
      const { M, num_reads, num_writes } = this.config;
      if ((this.memory_start || this.head_start) && N !== this.config.N) {
        throw new RangeError(`N must be ${this.config.N}, the size of the learned start, got ${N}`);
      }
      const memory = this.memory_start ?? in_rows(zeros(N * M).fill(CONSTANT_START), M);
      const start = (head) => (this.head_start ? softmax(this.head_start[head]) : zeros(N).fill(1, 0, 1));
      const weightings = Array.from({ length: num_reads + num_writes }, (_, head) => start(head));
      return {
        memory,
        weightings: { read: weightings.slice(0, num_reads), write: weightings.slice(num_reads) },
        reads: weightings.slice(0, num_reads).map((weighting) => read(memory, weighting)),
        controller: this.controller.initial_state(),
      };
    }

    /** One time step.
     *
     * Returns the output (logits), the next state {memory, weightings: {read, write}, reads, controller}, and for every
     * head, read heads first, what it emitted and what came of it: kind ("read" or "write"), key, strength, gate, shift,
     * gamma, erase_vector and add_vector (null for a read head), content, gated, shifted, weighting.
     */
    step(x, state) {
      check_length("x", x, this.config.input_size, "the machine");
      const [hidden, controller] = this.controller.forward([...x, ...state.reads.flat()], state.controller);
      const previous = [...state.weightings.read, ...state.weightings.write];
      const heads = this.emit(hidden).map((head, i) => ({
        ...head,
        ...address_stages(state.memory, previous[i], head.key, head.strength, head.gate, head.shift, head.gamma),
      }));
      const readers = heads.filter((head) => head.kind === "read");
      const writers = heads.filter((head) => head.kind === "write");
      const [read_weightings, write_weightings] = [readers, writers].map((some) => some.map((head) => head.weighting));
      const erase_vectors = writers.map((head) => head.erase_vector);
      const add_vectors = writers.map((head) => head.add_vector);
      const memory = write_heads(state.memory, write_weightings, erase_vectors, add_vectors);
      const source = this.config.read_first ? state.memory : memory;
      const reads = read_weightings.map((weighting) => read(source, weighting));
      return {
        output: linear(this.output, [...hidden, ...reads.flat()]),
        state: { memory, weightings: { read: read_weightings, write: write_weightings }, reads, controller },
        heads,
      };
    }

    /** From the controller's output to every parameter of figure 2, in its range. */
    emit(hidden) {
      const { M, num_reads } = this.config;
      const erase_add = in_rows(linear(this.writing, hidden), 2 * M);
      return in_rows(linear(this.addressing, hidden), M + this.shift_width + 3).map((row, i) => {
        const writing = i < num_reads ? null : erase_add[i - num_reads];
        return {
          kind: writing ? "write" : "read",
          key: row.slice(0, M).map(Math.tanh),
          strength: softplus(row[M]),
          gate: sigmoid(row[M + 1]),
          shift: softmax(row.slice(M + 2, M + 2 + this.shift_width)),
          gamma: 1 + softplus(row[M + 2 + this.shift_width]),
          erase_vector: writing && writing.slice(0, M).map(sigmoid),
          add_vector: writing && writing.slice(M).map(Math.tanh),
        };
      });
    }
  }

  /** Cut a flat list into rows of a given length. */
  function in_rows(flat, length) {
    return Array.from({ length: flat.length / length }, (_, i) => Array.from(flat.slice(i * length, (i + 1) * length)));
  }

  return {
    read,
    erase,
    add,
    write,
    write_heads,
    cosine_similarity,
    content_addressing,
    interpolate,
    circular_shift,
    sharpen,
    address,
    address_stages,
    softmax,
    NTM,
    kinds: { NTM }, // by the names of their classes in Python; see run.js for what a kind must do
  };
})();
