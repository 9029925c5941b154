/* The tasks of the paper, as in course/tasks/bits.py: what a machine is shown, what is wanted of it, and when.
 *
 *   const task = ntm.tasks["copy"];
 *   const question = task.draw({ bits: 8 }, { length: 5 }, ntm.random(1)); // the same for the same seed
 *   const { inputs, targets, mask } = task.encode({ bits: 8 }, question);
 *
 * settings: of the task in Python (bits and so on). sizes: what the reader may choose; each task lists its own, with
 * the least and the most, and what is usual (none: it is drawn).
 * A batch is one sequence: inputs and targets have a row for each step, mask says at which steps the answer counts, and
 * labels say in words what each step is. vector_at gives the place in question.vectors that a step shows, or -1.
 */
(() => {
  "use strict";

  const { range } = page;

  /** A small random generator: a function that gives the next number from 0 to below 1. The same for the same seed.
   *
   * A counter goes round all 32-bit numbers in steps of the golden ratio; two rounds of multiply and shift scramble it.
   */
  ntm.random = (seed) => {
    let counter = seed >>> 0;
    return () => {
      counter = (counter + 0x9e3779b9) >>> 0;
      let bits = counter;
      for (const factor of [0x85ebca6b, 0xc2b2ae35]) bits = Math.imul(bits ^ (bits >>> 16), factor);
      return ((bits ^ (bits >>> 16)) >>> 0) / 2 ** 32;
    };
  };

  const draw_vectors = (count, bits, random) =>
    range(count).map(() => range(bits).map(() => (random() < 0.5 ? 0 : 1)));

  /** Show the question, then a delimiter on one more channel, then nothing while the answer is wanted. */
  function question_then_answer(question, answer, labels) {
    const asked = question.length;
    const silence = new Array(question[0].length).fill(0);
    const nothing = new Array(answer[0].length).fill(0);
    return {
      inputs: [...question.map((x) => [...x, 0]), [...silence, 1], ...answer.map(() => [...silence, 0])],
      targets: [...question.map(() => nothing), nothing, ...answer],
      mask: range(asked + 1 + answer.length).map((step) => step > asked),
      labels: [...labels.question, "delimiter", ...labels.answer],
      vector_at: [...labels.vector_at, -1, ...answer.map(() => -1)],
    };
  }

  const size = (label, least, most, usual) => ({ label, least, most, usual });
  const name_vectors = (count, name) => range(count).map((i) => `${name} ${i + 1}`);

  ntm.tasks = {}; // machine_files.py finds the names of the tasks by lines like the next

  ntm.tasks["copy"] = {
    title: "Copy",
    marks: ["delimiter"],
    trained_on: ({ min_length, max_length }) => `${min_length} to ${max_length} vectors`,
    sizes: { length: size("Vectors", 1, 1000, (settings) => settings.max_length) },

    draw: ({ bits }, { length }, random) => ({ vectors: draw_vectors(length, bits, random) }),

    encode: (settings, { vectors }) =>
      question_then_answer(vectors, vectors, {
        question: name_vectors(vectors.length, "vector"),
        answer: name_vectors(vectors.length, "answer: vector"),
        vector_at: range(vectors.length),
      }),
  };

  ntm.tasks["repeat-copy"] = {
    title: "Repeat copy",
    marks: ["number of repeats (normalised)", "delimiter"],
    trained_on: ({ min_length, max_length, min_repeats, max_repeats }) =>
      `${min_length} to ${max_length} vectors, ${min_repeats} to ${max_repeats} repeats`,
    sizes: {
      length: size("Vectors", 1, 50, (settings) => settings.max_length),
      repeats: size("Repeats", 1, 30, (settings) => settings.max_repeats),
    },

    draw: ({ bits }, { length, repeats }, random) => ({ vectors: draw_vectors(length, bits, random), repeats }),

    /** The number that the machine sees for a count: over the training range it has mean 0 and variance 1. */
    normalised({ min_repeats, max_repeats }, repeats) {
      const choices = max_repeats - min_repeats + 1;
      return (repeats - (min_repeats + max_repeats) / 2) / Math.sqrt((choices ** 2 - 1) / 12);
    },

    encode(settings, { vectors, repeats }) {
      const copies = range(repeats).flatMap(() => vectors.map((vector) => [...vector, 0]));
      const end = [...vectors[0].map(() => 0), 1]; // the end marker, on a channel of its own
      const batch = question_then_answer(vectors.map((vector) => [...vector, 0]), [...copies, end], {
        question: name_vectors(vectors.length, "vector"),
        answer: [...range(repeats).flatMap((i) => name_vectors(vectors.length, `copy ${i + 1}: vector`)), "end marker"],
        vector_at: range(vectors.length),
      });
      batch.inputs[vectors.length][settings.bits] = Math.fround(this.normalised(settings, repeats));
      batch.labels[vectors.length] = `delimiter, and the number of repeats (${repeats})`;
      return batch;
    },
  };

  ntm.tasks["associative-recall"] = {
    title: "Associative recall",
    marks: ["item begins", "query begins, ends"],
    trained_on: ({ min_items, max_items, item_length }) =>
      `${min_items} to ${max_items} items of ${item_length} vectors`,
    sizes: {
      items: size("Items", 2, 100, (settings) => settings.max_items),
      query: size("Item asked for", 1, (sizes) => sizes.items - 1, null), // drawn, unless the reader says
    },

    draw: ({ bits, item_length }, { items, query }, random) => ({
      vectors: draw_vectors(items * item_length, bits, random),
      query, // counted from 1; the answer is the item after it
    }),

    encode({ bits, item_length }, { vectors, query }) {
      const items = vectors.length / item_length;
      const item = (i) => vectors.slice(i * item_length, (i + 1) * item_length);
      const starts = new Array(bits).fill(0); // an item begins with a delimiter of its own, the query with another
      const question = range(items).flatMap((i) => [[...starts, 1], ...item(i).map((vector) => [...vector, 0])]);
      question.push([...starts, 0], ...item(query - 1).map((vector) => [...vector, 0]));
      const batch = question_then_answer(question, item(query), {
        question: range(items + 1).flatMap((i) => {
          const [name, what] = i < items ? [`item ${i + 1}`, ""] : ["query", `, which is item ${query}`];
          return [`${name} begins`, ...name_vectors(item_length, `${name}${what}: vector`)];
        }),
        answer: name_vectors(item_length, `answer, which is item ${query + 1}: vector`),
        vector_at: range(items + 1).flatMap((i) =>
          range(item_length + 1).map((j) => (j && i < items ? i * item_length + j - 1 : -1)),
        ),
      });
      batch.inputs[items * (1 + item_length)][bits + 1] = 1;
      batch.labels[question.length] = "query ends";
      return batch;
    },
  };

  ntm.tasks["priority-sort"] = {
    title: "Priority sort",
    marks: ["priority", "delimiter"],
    trained_on: ({ items, answers }) => `${items} vectors, of which the ${answers} of highest priority are wanted`,
    sizes: {
      items: size("Vectors", 1, 200, (settings) => settings.items),
      answers: size("Vectors wanted", 1, (sizes) => sizes.items, (settings) => settings.answers),
    },

    draw: ({ bits }, { items, answers }, random) => ({
      vectors: draw_vectors(items, bits, random),
      priorities: range(items).map(() => Math.fround(2 * random() - 1)), // as a float32 holds it
      answers,
    }),

    encode(settings, { vectors, priorities, answers }) {
      const first = range(vectors.length).sort((a, b) => priorities[b] - priorities[a]);
      const wanted = first.slice(0, answers);
      const name = (i) => `vector ${i + 1}, priority ${priorities[i].toFixed(2)}`;
      return question_then_answer(
        vectors.map((vector, i) => [...vector, priorities[i]]),
        wanted.map((i) => vectors[i]),
        {
          question: range(vectors.length).map(name),
          answer: wanted.map((from, i) => `answer ${i + 1}: ${name(from)}`),
          vector_at: range(vectors.length),
        },
      );
    },
  };
})();
