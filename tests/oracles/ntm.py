"""The Neural Turing Machine a second time, in NumPy float64: the paper's equations as plain loops over single elements.

It is the oracle of the tests. It shares no code with ``implementation.py`` and knows only how it lays out its weights.
Every equation takes one memory and one head; ``over_leading`` and ``unroll`` loop over batch elements and heads.
"""

import inspect
import math

import numpy as np

SIGNATURES = {  # in the notation of NumPy's generalised ufuncs
    "read": "(n,m),(n)->(m)",
    "erase": "(n,m),(n),(m)->(n,m)",
    "add": "(n,m),(n),(m)->(n,m)",
    "write": "(n,m),(n),(m),(m)->(n,m)",
    "write_heads": "(n,m),(w,n),(w,m),(w,m)->(n,m)",
    "cosine_similarity": "(n,m),(m)->(n)",
    "content_addressing": "(n,m),(m),()->(n)",
    "interpolate": "(n),(n),()->(n)",
    "circular_shift": "(n),(s)->(n)",
    "sharpen": "(n),()->(n)",
    "address": "(n,m),(n),(m),(),(),(s),()->(n)",
}


def arguments(name):
    """The arguments of the equation of this name, each with the names of its dimensions."""
    cores = SIGNATURES[name].split("->")[0][1:-1].split("),(")
    return dict(
        zip(
            inspect.signature(globals()[name]).parameters,
            (core.split(",") if core else [] for core in cores),
            strict=True,
        )
    )


def over_leading(name):
    """The equation of this name, repeated over leading dimensions that broadcast."""
    return np.vectorize(globals()[name], signature=SIGNATURES[name])


# --- Section 3.1 and 3.2: reading and writing


def read(memory, weighting):
    """Eq 2: r = sum_i w(i) M(i)."""
    N, M = memory.shape
    result = np.zeros(M)
    for i in range(N):
        for m in range(M):
            result[m] += weighting[i] * memory[i, m]
    return result


def erase(memory, weighting, erase_vector):
    """Eq 3: M~(i) = M(i) [1 - w(i) e]."""
    N, M = memory.shape
    result = np.zeros((N, M))
    for i in range(N):
        for m in range(M):
            result[i, m] = memory[i, m] * (1 - weighting[i] * erase_vector[m])
    return result


def add(memory, weighting, add_vector):
    """Eq 4: M(i) = M~(i) + w(i) a."""
    N, M = memory.shape
    result = np.zeros((N, M))
    for i in range(N):
        for m in range(M):
            result[i, m] = memory[i, m] + weighting[i] * add_vector[m]
    return result


def write(memory, weighting, erase_vector, add_vector):
    """Section 3.2: an erase, followed by an add."""
    return add(erase(memory, weighting, erase_vector), weighting, add_vector)


def write_heads(memory, weightings, erase_vectors, add_vectors):
    """Section 3.2 with several heads: every erase, then every add, head after head."""
    for weighting, erase_vector in zip(weightings, erase_vectors, strict=True):
        memory = erase(memory, weighting, erase_vector)
    for weighting, add_vector in zip(weightings, add_vectors, strict=True):
        memory = add(memory, weighting, add_vector)
    return memory


# --- Section 3.3: addressing


def cosine_similarity(memory, key):
    """Eq 6: K[u, v] = u.v / (|u| |v|); 0 where a vector is zero, which the paper leaves open."""
    N, M = memory.shape
    result = np.zeros(N)
    for i in range(N):
        dot = sum(key[m] * memory[i, m] for m in range(M))
        lengths = math.sqrt(sum(key[m] ** 2 for m in range(M))) * math.sqrt(sum(memory[i, m] ** 2 for m in range(M)))
        result[i] = dot / lengths if lengths > 0 else 0.0
    return result


def content_addressing(memory, key, strength):
    """Eq 5: the softmax of beta K[k, M(i)] over the locations i."""
    return softmax(strength * cosine_similarity(memory, key))


def interpolate(content, previous, gate):
    """Eq 7: w_g(i) = g w_c(i) + (1 - g) w_{t-1}(i)."""
    return np.array([gate * c + (1 - gate) * p for c, p in zip(content, previous, strict=True)])


def circular_shift(weighting, shift):
    """Eq 8: w~(i) = sum_j w(j) s(i - j), indices modulo N; ``shift`` lists s from the most negative move upwards."""
    N, S = len(weighting), len(shift)
    result = np.zeros(N)
    for j in range(N):
        for index in range(S):
            move = index - (S - 1) // 2
            result[(j + move) % N] += weighting[j] * shift[index]
    return result


def sharpen(weighting, gamma):
    """Eq 9: w(i) = w~(i)^gamma / sum_j w~(j)^gamma."""
    powers = [value**gamma for value in weighting]
    return np.array([power / sum(powers) for power in powers])


def address(memory, previous, key, strength, gate, shift, gamma):
    """Figure 2: equations 5, 7, 8, 9 in a row."""
    content = content_addressing(memory, key, strength)
    return sharpen(circular_shift(interpolate(content, previous, gate), shift), gamma)


# --- Functions that keep values in range


def softmax(x):
    """exp(x) / sum exp(x); the largest exponent is 0."""
    exponentials = [math.exp(value - max(x)) for value in x]
    return np.array([value / sum(exponentials) for value in exponentials])


def sigmoid(x):
    """1 / (1 + exp(-x))."""
    return 1 / (1 + np.exp(-x))


def softplus(x):
    """log(1 + exp(x))."""
    return np.log1p(np.exp(x))


# --- The machine


def controller(weights, x, state):
    """The controller's output and its next state: one tanh layer, or an LSTM with gates in torch's order i, f, g, o."""
    if "controller.hidden.weight" in weights:
        return np.tanh(linear(weights, "controller.hidden", x)), ()
    hidden, cell = state
    gates = weights["controller.cell.weight_ih"] @ x + weights["controller.cell.bias_ih"]
    gates = gates + weights["controller.cell.weight_hh"] @ hidden + weights["controller.cell.bias_hh"]
    i, f, g, o = gates.reshape(4, -1)
    cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(g)
    hidden = sigmoid(o) * np.tanh(cell)
    return hidden, (hidden, cell)


def linear(weights, name, x):
    """W x + b."""
    return weights[f"{name}.weight"] @ x + weights[f"{name}.bias"]


def heads(weights, hidden, M, H, W):
    """What H heads, the last W of them write heads, emit; rows of the weights: key, strength, gate, shift, gamma."""
    emitted = {name: [] for name in ("key", "strength", "gate", "shift", "gamma", "erase", "add")}
    for row in linear(weights, "heads.addressing", hidden).reshape(H, -1):
        emitted["key"].append(np.tanh(row[:M]))
        emitted["strength"].append(softplus(row[M]))
        emitted["gate"].append(sigmoid(row[M + 1]))
        emitted["shift"].append(softmax(row[M + 2 : -1]))
        emitted["gamma"].append(1 + softplus(row[-1]))
    for row in linear(weights, "heads.writing", hidden).reshape(W, 2 * M):
        emitted["erase"].append(sigmoid(row[:M]))
        emitted["add"].append(np.tanh(row[M:]))
    return {name: np.array(values) for name, values in emitted.items()}


def step(weights, x, state, read_first):
    """One step of one sequence. ``state``: memory [N, M], weightings [H, N], reads [R, M], the controller's state.

    Every head finds its place in the memory as the step finds it; reading comes before or after the write.
    """
    memory, weightings, reads, controller_state = state
    R, M = reads.shape
    H = len(weightings)
    hidden, controller_state = controller(weights, np.concatenate([x, *reads]), controller_state)
    emitted = heads(weights, hidden, M, H, H - R)
    addressing = zip(*(emitted[name] for name in ("key", "strength", "gate", "shift", "gamma")), strict=True)
    weightings = np.array([address(memory, w, *values) for w, values in zip(weightings, addressing, strict=True)])
    written = write_heads(memory, weightings[R:], emitted["erase"], emitted["add"])
    reads = np.array([read(memory if read_first else written, weighting) for weighting in weightings[:R]])
    output = linear(weights, "output", np.concatenate([hidden, *reads]))
    seen = {"outputs": output, **emitted, "reads": reads, "memory": written}
    seen |= {"read_weightings": weightings[:R], "write_weightings": weightings[R:]}
    return seen, (written, weightings, reads, controller_state)


def unroll(weights, inputs, memory, weightings, num_reads, read_first):
    """Run a machine on ``inputs`` [T, batch, I] from one starting memory [N, M] and starting weightings [H, N].

    ``weights`` are a state_dict's, as arrays. Returns each series of ``implementation.Trace`` as [T, batch, ...]; the
    first reads are those of the starting memory under the starting weightings, an LSTM starts at zero.
    """
    T, batch, _ = inputs.shape
    runs = []
    for b in range(batch):
        zeros = np.zeros(weights["output.weight"].shape[1] - num_reads * memory.shape[1])
        reads = np.array([read(memory, weighting) for weighting in weightings[:num_reads]])
        state, steps = (memory, weightings, reads, (zeros, zeros)), []
        for t in range(T):
            seen, state = step(weights, inputs[t, b], state, read_first)
            steps.append(seen)
        runs.append(steps)
    return {name: np.array([[runs[b][t][name] for b in range(batch)] for t in range(T)]) for name in runs[0][0]}
