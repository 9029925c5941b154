/* The pictures of a run on book/machine.md: what goes in and comes out, and every signal that the machine's file lists.
 * Nothing here knows what kind of machine it is.
 */
window.drawing = (() => {
  "use strict";

  const { element, range, clamp, whole, in_figures, capital } = page;

  const CELL = 10; // height of a row of bits or of a strip, in CSS pixels
  const app = document.getElementById("machine");
  const part = (name) => app.querySelector(`[data-part="${name}"]`);
  const as_bits = (vector) => vector.map((value) => (value > 0 ? 1 : 0)).join("");

  // --- Canvases

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

  /** Weights as bars on the edge of a tape: upwards above it, downwards below it. */
  function draw_bars(canvas, weights, { edge, colours }) {
    const [width, height] = fit(canvas);
    const context = canvas.getContext("2d");
    context.fillStyle = `rgb(${colour(colours[0])})`;
    const cell = width / weights.length;
    weights.forEach((weight, i) => {
      const tall = weight * height;
      context.fillRect(i * cell, edge === "above" ? height - tall : 0, Math.max(cell - 1, 2), tall);
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

  /** The question, the wanted output and the machine's own. */
  function add_panels_of_batch(run, marks) {
    const { inputs, targets, mask, question } = run.batch;
    const [channels, bits, T] = [targets[0].length, question.vectors[0].length, run.length];
    const add = (caption, rows, value, say, ...colours) => {
      const draw = (canvas) => draw_cells(canvas, rows, T, value, ...colours);
      return add_panel("batch", caption, CELL * rows, draw, say);
    };
    const say_input = (step) => as_bits(inputs[step].slice(0, bits));
    const shown = add("Input", bits, (row, step) => inputs[step][row], say_input, "one");
    shown.classList.add("machine-drawable");

    const mark = (row, step) => inputs[step][bits + row];
    const say_marks = (step) => inputs[step].slice(bits).map(in_figures).join(", ");
    add(`Input: ${marks.join(", ")}`, marks.length, mark, say_marks, "plus", "minus");

    const wanted = (row, step) => (mask[step] ? targets[step][row] : NaN);
    const say_wanted = (step) => (mask[step] ? as_bits(targets[step]) : "nothing yet");
    const more = channels > bits ? ", last row: the end" : "";
    add(`Wanted output${more}`, channels, wanted, say_wanted, "one");

    const output = (row, step) => (mask[step] ? 1 / (1 + Math.exp(-run.steps[step].output[row])) : NaN);
    const draw_output = (canvas) => {
      draw_cells(canvas, channels, T, output, "one");
      draw_crosses(canvas, run, channels);
    };
    const say_output = (step) => (mask[step] ? as_bits(run.steps[step].output) : "does not count yet");
    add_panel("batch", "Output; wrong bits have a cross", CELL * channels, draw_output, say_output);

    const bar = (row, step) => (channels - row <= run.wrong_at(step) ? 1 : NaN);
    const draw_wrong = (canvas) => draw_cells(canvas, channels, T, bar, "wrong");
    const say_wrong = (step) => (mask[step] ? `${run.wrong_at(step)} of ${channels}` : "");
    add_panel("batch", "Wrong bits at each step", 24, draw_wrong, say_wrong);
  }

  /** A signal over time. The root of a weight is drawn, so that small ones show too. */
  function add_panel_of_signal(run, signal) {
    const { title, drawn, row, rows, least, most, colours } = signal;
    const series = run.series(signal);
    const count = Math.max(...series.map((numbers) => numbers.length));
    const furthest = () => Math.ceil(series.flatMap((numbers) => [...numbers]).reduce((x, y) => Math.max(x, Math.abs(y)), 0));
    const limit = most ?? (furthest() || 1);
    const shade = drawn === "weighting" ? Math.sqrt : (share) => share;
    const value = (i, step) => shade((series[step][i] ?? NaN) / limit);
    const draw = (canvas) => draw_cells(canvas, count, run.length, value, ...colours);
    const values = `${in_figures(least < 0 ? -limit : least)} to ${in_figures(limit)}`;
    const places = rows.length ? `${rows[0]} (top) to ${rows.at(-1)}` : `${row}s 0 to ${in_figures(count - 1)}`;
    const caption = `${capital(title)}${drawn === "weighting" ? ":" : ","} ${count > 1 ? places : values}`;
    const many = run.drawn_as("weighting", "map").length > 2;
    const height = drawn === "strip" ? CELL * count : many ? 96 : clamp(4 * count, 64, 192);
    add_panel(drawn === "strip" ? "strips" : "maps", caption, height, draw, (step) => run.in_words(step, signal));
  }

  const in_a_list = (words) => [words.slice(0, -1).join(", "), words.at(-1)].filter(Boolean).join(" and ");
  const different = (words) => [...new Set(words)];

  /** Panels for a new run. marks: names of the input's channels beyond its bits. */
  function make_panels(run, marks) {
    panels = [];
    for (const name of ["batch", "maps", "strips"]) part(name).replaceChildren();
    add_panels_of_batch(run, marks);
    for (const signal of run.over_time) add_panel_of_signal(run, signal);

    const maps = run.drawn_as("weighting", "map");
    part("maps-note").hidden = !maps.length;
    const tops = different(maps.map(({ row }) => `${row} 0`));
    const verb = tops.length > 1 ? "are" : "is";
    const weights = maps.every(({ drawn }) => drawn === "weighting") ? "more weight is there" : "further from 0 a number is";
    if (maps.length) part("maps-note").textContent = `${capital(in_a_list(tops))} ${verb} at the top. The stronger the colour, the ${weights}.`;

    const strips = run.drawn_as("strip");
    for (const name of ["strips-details", "numbers"]) part(name).hidden = !strips.length;
    const names = different(strips.map(({ name }) => name));
    part("strips-summary").textContent = strips.length ? `${capital(in_a_list(names))} over time` : "";
    draw_panels();
  }

  const draw_panels = () => panels.forEach((panel) => setTimeout(panel.draw)); // the page may answer in between

  // --- One step: the memory as a tape with weightings on its edges, and the numbers of the strips

  function show_tape(run, step) {
    const [tape] = run.drawn_as("tape");
    part("memory").hidden = !tape;
    if (!tape) return;
    const rows = run.tape_at(step, tape);
    const { title, row, most, colours } = tape;
    const words = `${capital(title)} after step ${step + 1}: ${rows.length} ${row}s, ${rows[0].length} numbers each`;
    const canvas = element("canvas", { role: "img", "aria-label": words });
    const on_edges = run.signals.filter(({ edge }) => edge);
    const bars = on_edges.map((signal) => {
      const says = element("span", {}, `${signal.title}: ${run.in_words(step, signal)}`);
      const box = { class: `machine-bars machine-${signal.edge}` };
      return element("div", box, says, element("canvas", { "aria-hidden": true }));
    });
    part("tape").replaceChildren(...bars, element("div", { class: "machine-memory" }, canvas));
    on_edges.forEach((signal, i) => draw_bars(bars[i].lastChild, run.steps[step].signals[signal.title], signal));
    draw_cells(canvas, rows[0].length, rows.length, (at, place) => rows[place][at] / most, ...colours);
    const apart = 2 ** Math.max(0, Math.ceil(Math.log2(rows.length / 10))); // ten ticks at most
    const ticks = range(Math.ceil(rows.length / apart)).map((i) => {
      const middle = (100 * (i * apart + 0.5)) / rows.length;
      return element("span", { style: `left: ${middle}%` }, in_figures(i * apart));
    });
    part("ticks").replaceChildren(...ticks);
    part("tape-title").textContent = `The ${title} after this step, a column for each ${row}`;
    part("tape-most").textContent = in_figures(most);
    part("bars-note").hidden = !bars.length;
  }

  const table_row = (tag, texts) => element("tr", {}, ...texts.map((text) => element(tag, {}, text)));

  /** A table of the strips: a row for what they are of, a column for each name. */
  function show_numbers(run, step) {
    const strips = run.drawn_as("strip");
    const columns = different(strips.map(({ name }) => name));
    const title = (name) => {
      const { rows } = strips.find((strip) => strip.name === name);
      const of_rows = rows.length ? [" ", element("span", {}, rows.join(", "))] : [];
      return element("th", { scope: "col" }, name, ...of_rows);
    };
    const row = (of) => {
      const texts = columns.map((name) => {
        const strip = strips.find((one) => one.of === of && one.name === name);
        return strip ? [...run.steps[step].signals[strip.title]].map((value) => value.toFixed(2)).join(" ") : "";
      });
      return element("tr", {}, element("th", { scope: "row" }, of), ...texts.map((text) => element("td", {}, text)));
    };
    const head = element("tr", {}, element("td"), ...columns.map(title));
    const rows = different(strips.map(({ of }) => of)).map(row);
    part("numbers").firstElementChild.replaceChildren(element("thead", {}, head), element("tbody", {}, ...rows));
  }

  /** Every panel, the tape and the numbers as they are at a step. */
  function show_step(run, step) {
    for (const panel of panels) panel.show(step);
    show_tape(run, step);
    show_numbers(run, step);
  }

  /** The whole run in words, made when the reader opens it. */
  function show_table(run) {
    if (!part("table-details").open) return;
    const { mask, targets, labels } = run.batch;
    const weightings = run.drawn_as("weighting");
    const rows = run.steps.map(({ output }, step) => {
      const answer = mask[step] ? [as_bits(targets[step]), as_bits(output), run.wrong_at(step)] : ["", "", ""];
      const words = weightings.map((signal) => run.in_words(step, signal));
      return table_row("td", [step + 1, labels[step], ...answer, ...words]);
    });
    const titles = table_row("th", ["step", "what", "wanted", "output", "wrong", ...weightings.map(({ title }) => title)]);
    part("table").replaceChildren(element("thead", {}, titles), element("tbody", {}, ...rows));
  }

  /** Draw anew what is on show, in colours and sizes as they are now. */
  function redraw(run, step) {
    draw_panels();
    show_tape(run, step);
  }

  return { app, part, make_panels, draw_panels, show_step, show_table, redraw };
})();
