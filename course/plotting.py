"""Every figure of the course, in one look. A ``plot_`` function returns a figure, which a notebook cell then shows."""

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from itertools import cycle

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from torch import Tensor

from course.tasks import Batch
from course.training import History
from implementation import Trace

STYLE = {
    "figure.dpi": 130,
    "figure.constrained_layout.use": True,
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "figure.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    # Okabe's and Ito's colours without sky blue and yellow, which stand out too little from white.
    "axes.prop_cycle": plt.cycler(color=["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#000000", "#666666"]),
    "figure.facecolor": "white",  # on a dark page too: it brings its own background along
    "image.cmap": "RdBu_r",
    "image.interpolation": "nearest",
    "image.aspect": "auto",
}
WEIGHT_MAP, BIT_MAP = "Blues", "Greys"


def in_style(plot: Callable[..., Figure]) -> Callable[..., Figure]:
    """Draw in the course's style, and hand the figure back closed, so that a notebook shows it once."""

    @wraps(plot)
    def styled(*args, **kwargs) -> Figure:
        with plt.rc_context(STYLE):
            figure = plot(*args, **kwargs)
            figure.draw_without_rendering()  # the layout is settled here, in this style
        plt.close(figure)
        return figure

    return styled


def as_array(values: Tensor | Sequence[float]) -> np.ndarray:
    return values.detach().cpu().float().numpy() if isinstance(values, Tensor) else np.asarray(values)


def _whole_numbers(*axes: Axis) -> None:
    for axis in axes:
        axis.get_major_locator().set_params(integer=True)


@in_style
def plot_weightings(weightings: Mapping[str, Tensor], title: str) -> Figure:
    """Weightings ``[N]`` as bars, one panel each under its name, on one scale."""
    size = (6.5, 0.9 + 0.85 * len(weightings))
    figure, axes = plt.subplots(len(weightings), 1, figsize=size, sharex=True, sharey=True, squeeze=False)
    for axis, (name, weighting) in zip(axes[:, 0], weightings.items(), strict=True):
        heights = as_array(weighting)
        axis.bar(range(len(heights)), heights)
        axis.set(ylim=(0, 1.05), ylabel="weight", xlim=(-0.7, len(heights) - 0.3))
        axis.set_title(name, fontsize=8, pad=2)
    axes[-1, 0].set_xlabel("location")
    _whole_numbers(axes[-1, 0].xaxis)
    figure.suptitle(title)
    return figure


@in_style
def plot_memory(memories: Mapping[str, Tensor], title: str, xlabel: str = "column", ylabel: str = "location") -> Figure:
    """Memory matrices ``[N, M]`` side by side, zero in white, on one scale; a vector is drawn as a single row."""
    panels = {name: np.atleast_2d(as_array(memory)) for name, memory in memories.items()}
    limit = max(1e-9, *(np.abs(panel).max() for panel in panels.values()))
    size = (6.5, min(4.5, 1.3 + 0.22 * max(panel.shape[0] for panel in panels.values())))
    widths = [panel.shape[1] + 2 for panel in panels.values()]
    figure, axes = plt.subplots(1, len(panels), figsize=size, width_ratios=widths, squeeze=False)
    for axis, (name, panel) in zip(axes[0], panels.items(), strict=True):
        image = axis.imshow(panel, vmin=-limit, vmax=limit, aspect="equal")
        heading = name if len(panels) > 1 else title
        axis.set(title=heading, xlabel=xlabel, ylabel=ylabel, anchor="N")
        _whole_numbers(axis.xaxis, axis.yaxis)
        axis.yaxis.set_visible(panel.shape[0] > 1)
    figure.colorbar(image, ax=axes, label="value", shrink=0.8)
    if len(panels) > 1:
        figure.suptitle(title)
    return figure


@in_style
def plot_pictures(pictures: Mapping[str, Tensor], title: str) -> Figure:
    """Small pictures ``[height, width]`` of values from -1 (white) to 1 (black), each under its name."""
    figure, axes = plt.subplots(1, len(pictures), figsize=(6.5, 1.3), squeeze=False)
    for axis, (name, picture) in zip(axes[0], pictures.items(), strict=True):
        axis.imshow(as_array(picture), cmap=BIT_MAP, vmin=-1, vmax=1, aspect="equal")
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set_visible(True)
        axis.set_title(name, loc="center", fontsize=8)
    figure.suptitle(title)
    return figure


@in_style
def plot_lines(
    x: Sequence[float], lines: Mapping[str, Sequence[float]], title: str, xlabel: str, ylabel: str, log: str = ""
) -> Figure:
    """Curves over a common axis; ``log`` names the logarithmic axes ("x", "y" or "xy"). Line styles differ too."""
    figure, axis = plt.subplots(figsize=(6.5, 2.8))
    for (name, y), style in zip(lines.items(), cycle(("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 3)))), strict=False):
        axis.plot(as_array(x), as_array(y), label=name, linestyle=style)
    scales = {f"{name}scale": "log" for name in log}
    axis.set(title=title, xlabel=xlabel, ylabel=ylabel, **scales)
    if not log and np.equal(np.mod(as_array(x), 1), 0).all():
        _whole_numbers(axis.xaxis)
    if any(lines):
        axis.legend(frameon=False)
    return figure


@in_style
def plot_learning_curve(histories: Mapping[str, History], title: str, window: int = 20) -> Figure:
    """Loss in bits per sequence against sequences seen: points faint, a running mean of ``window`` points strong."""
    figure, axis = plt.subplots(figsize=(6.5, 2.8))
    for name, history in histories.items():
        seen = history.sequences_a_point * np.arange(1, len(history.bits) + 1)
        (steps,) = axis.plot(seen, history.bits, alpha=0.2, linewidth=0.7)
        mean = np.convolve(history.bits, np.ones(window) / window, mode="valid")
        axis.plot(seen[window - 1 :], mean, color=steps.get_color(), label=name)
    axis.set(title=title, xlabel="sequences seen", ylabel="loss, bits per sequence", ylim=(0, None))
    axis.legend(frameon=False)
    return figure


def _time_panel(axis: plt.Axes, rows: Tensor, title: str, ylabel: str, **image) -> None:
    axis.imshow(as_array(rows), **image)
    axis.set(title=title, ylabel=ylabel)
    _whole_numbers(axis.xaxis, axis.yaxis)


@in_style
def plot_answer(batch: Batch, logits: Tensor, sequence: int = 0) -> Figure:
    """What was shown, what was wanted, what came out, and where it was wrong, for one sequence of a batch."""
    probability = torch.sigmoid(logits.detach()[:, sequence]).T
    counts, target = batch.mask[:, sequence].T, batch.targets[:, sequence].T
    wrong = ((probability > 0.5) != (target > 0.5)) & counts
    panels = {"input": batch.inputs[:, sequence].T, "target": target, "output": probability * counts, "wrong": wrong}
    figure, axes = plt.subplots(4, 1, figsize=(6.5, 4.4), sharex=True, height_ratios=[len(p) for p in panels.values()])
    for axis, (name, panel) in zip(axes, panels.items(), strict=True):
        signed = bool((panel < 0).any())  # priorities may be negative; zero stays white
        _time_panel(axis, panel, name, "channel", vmin=-signed, vmax=1, cmap="RdBu_r" if signed else BIT_MAP)
    axes[-1].set_xlabel("time step")
    figure.suptitle(f"{int(wrong.sum())} wrong bits of {int(counts.sum())}")
    return figure


def _numbered(name: str, head: int, heads: int) -> str:
    return name if heads == 1 else f"{name}, head {head + 1} of {heads}"


@in_style
def plot_run(batch: Batch, trace: Trace, sequence: int = 0, locations: int | None = None) -> Figure:
    """A run the way the paper shows it (figures 4 and 6): writing on the left, reading on the right, time to the right.

    Of several heads of a kind the vectors stand below each other in one panel. The weightings have a panel for each
    head, drawn up to ``locations``.
    """
    output = torch.sigmoid(trace.outputs[:, sequence]) * batch.mask[:, sequence]
    weightings = {"write": trace.write_weightings[:, sequence], "read": trace.read_weightings[:, sequence]}
    panels = max(weighting.shape[1] for weighting in weightings.values())
    size, heights = (6.5, 4 + 2.2 * panels), [1, 1.4, *[2.2] * panels]
    figure, axes = plt.subplots(2 + panels, 2, figsize=size, sharex=True, height_ratios=heights)
    bits, vectors = {"cmap": BIT_MAP, "vmin": 0, "vmax": 1}, {"vmin": -1, "vmax": 1}
    _time_panel(axes[0, 0], batch.inputs[:, sequence].T, "inputs", "channel", **bits)
    _time_panel(axes[0, 1], output.T, "outputs", "channel", **bits)
    _time_panel(axes[1, 0], trace.add[:, sequence].flatten(1).T, "add vectors", "column", **vectors)
    _time_panel(axes[1, 1], trace.reads[:, sequence].flatten(1).T, "read vectors", "column", **vectors)
    for column, (name, weighting) in zip(axes[2:].T, weightings.items(), strict=True):
        heads = weighting.shape[1]
        for head, axis in enumerate(column[:heads]):
            rows = weighting[:, head, :locations].T
            _time_panel(
                axis, rows, _numbered(f"{name} weightings", head, heads), "location", **bits | {"cmap": WEIGHT_MAP}
            )
        for axis in column[heads:]:
            axis.remove()
        column[heads - 1].set_xlabel("time step")
        column[heads - 1].xaxis.set_tick_params(labelbottom=True)
    return figure
