"""Pictures to scrub through in a static page: plain HTML and a few lines of script, nothing to load."""

import base64
import io
import json
from html import escape

import matplotlib.pyplot as plt
import torch
from IPython.display import HTML
from matplotlib.figure import Figure
from PIL import Image

from course.plotting import BIT_MAP, as_array, in_style
from course.tasks import Batch
from implementation import Trace

TEMPLATE = """<div class="ntm-scrubber" id="{name}" role="group" aria-label="{label}">
<img alt="{alt}" src="{first}" style="max-width: 100%; background: white">
<p><button type="button">Play</button>
<label>Time step <input type="range" min="0" max="{last}" value="0" style="width: 50%"></label>
<span><output>0</output> of {last}</span></p></div>
<script>
(function () {{
  const frames = {frames}, box = document.getElementById("{name}");
  const [image, button, slider, step] = ["img", "button", "input", "output"].map((tag) => box.querySelector(tag));
  const still = window.matchMedia("(prefers-reduced-motion: reduce)");  // then nothing moves unless it is moved
  let timer = null;
  const show = () => {{ image.src = frames[slider.value]; step.textContent = slider.value; }};
  const stop = () => {{
    clearInterval(timer); timer = null;
    button.textContent = still.matches ? "Next step" : "Play";
  }};
  const next = () => {{ slider.value = (Number(slider.value) + 1) % frames.length; show(); }};
  slider.addEventListener("input", () => {{ stop(); show(); }});
  button.addEventListener("click", () => {{
    if (still.matches) {{ next(); }} else if (timer) {{ stop(); }}
    else {{ timer = setInterval(next, 500); button.textContent = "Stop"; }}
  }});
  still.addEventListener("change", stop);
  stop();
}})();
</script>"""


def scrubber(frames: list[str], name: str, alt: str) -> str:
    """HTML that shows one of ``frames`` (image addresses) at a time, with a slider and a play button.

    To a reader who prefers reduced motion, the button shows the next frame and does not play.

    Args:
        frames: at least one address of an image, such as a ``data:`` address.
        name: the element's id on the page; fixed, so that the same run gives the same page.
        alt: says what the pictures show to who cannot see them.

    Raises:
        ValueError: there is no frame.

    >>> page = scrubber(["a.png", "b.png"], "run", "A run")
    >>> 'max="1"' in page, page.count("a.png"), 'alt="A run"' in page
    (True, 2, True)
    """
    if not frames:
        raise ValueError("frames must hold at least one image, got none")
    listed = json.dumps(frames, indent=0)
    label = f"{name.replace('-', ' ')}, step by step"
    return TEMPLATE.format(
        name=escape(name), label=escape(label), alt=escape(alt), first=frames[0], last=len(frames) - 1, frames=listed
    )


@in_style
def _plot_step(batch: Batch, trace: Trace, t: int, sequence: int, locations: int | None) -> Figure:
    """One time step of a run: input, output, memory, and both weightings beside the locations."""
    figure, axes = plt.subplots(1, 5, figsize=(6.5, 3.4), width_ratios=[1, 1, 4, 2, 2])
    output = torch.sigmoid(trace.outputs[t, sequence]) * batch.mask[t, sequence]
    memory, limit = trace.memory[t, sequence, :locations], trace.memory[:, sequence].abs().max().item()
    for axis, name, column in zip(axes[:2], ("input", "output"), (batch.inputs[t, sequence], output), strict=True):
        axis.imshow(as_array(column)[:, None], cmap=BIT_MAP, vmin=0, vmax=1)
        axis.set(title=name, xticks=[], ylabel="channel")
    axes[2].imshow(as_array(memory), vmin=-limit, vmax=limit)
    axes[2].set(title="memory after the step", xlabel="column", ylabel="location")
    for axis, name in zip(axes[3:], ("write", "read"), strict=True):
        weighting = getattr(trace, f"{name}_weightings")[t, sequence, 0, :locations]
        axis.barh(range(len(weighting)), as_array(weighting))
        axis.set(title=name, xlabel="weight", xlim=(0, 1), ylim=axes[2].get_ylim())
    return figure


def animate_run(
    batch: Batch, trace: Trace, name: str, alt: str, sequence: int = 0, locations: int | None = None
) -> HTML:
    """A run to scrub through, step by step, with the memory drawn up to ``locations``.

    ``name`` is the element's id on the page, fixed so that the same run gives the same page. ``alt`` says what the
    pictures show to who cannot see them.
    """
    frames = []
    for t in range(len(batch.inputs)):
        drawn, small = io.BytesIO(), io.BytesIO()
        _plot_step(batch, trace, t, sequence, locations).savefig(drawn, format="png", dpi=90)
        Image.open(drawn).convert("RGB").quantize(64).save(small, format="png", optimize=True)
        frames.append("data:image/png;base64," + base64.b64encode(small.getvalue()).decode())
    return HTML(scrubber(frames, name, alt))
