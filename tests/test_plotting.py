"""Figures: titles, labels and that they show the numbers they were given."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from course import plotting
from course.scrubber import animate_run, scrubber
from course.tasks import CopyTask
from course.training import History
from implementation import NTM


@pytest.fixture(scope="module")
def run():
    torch.manual_seed(0)
    batch = CopyTask(bits=2).sample(3, seed=0, length=3)
    return batch, NTM(input_size=3, output_size=2, controller_size=8, N=5, M=4).trace(batch.inputs)


def test_weightings_are_drawn_as_bars_of_their_height():
    weightings = {"one": torch.tensor([0.25, 0.75]), "two": torch.tensor([1.0, 0.0])}
    figure = plotting.plot_weightings(weightings, "A title")
    for axis, weighting in zip(figure.axes, weightings.values(), strict=True):
        assert [bar.get_height() for bar in axis.patches] == weighting.tolist()
        assert axis.get_ylabel() == "weight"
    assert figure.get_suptitle() == "A title" and figure.axes[-1].get_xlabel() == "location"


def test_memories_share_one_scale_with_zero_in_the_middle():
    memories = {"before": torch.tensor([[1.0, -3.0]]), "after": torch.zeros(2, 2)}
    figure = plotting.plot_memory(memories, "Writing")
    images = [axis.images[0] for axis in figure.axes[:2]]
    assert [image.get_clim() for image in images] == [(-3, 3), (-3, 3)]
    assert np.array_equal(images[0].get_array(), memories["before"].numpy())
    assert figure.axes[-1].get_ylabel() == "value"


def test_lines_have_labels_units_and_a_legend_only_when_named():
    figure = plotting.plot_lines([1, 2], {"a": [3, 4], "b": [5, 6]}, "Title", "steps", "bits", log="y")
    (axis,) = figure.axes
    assert [line.get_ydata().tolist() for line in axis.lines] == [[3, 4], [5, 6]]
    assert (axis.get_title(loc="left"), axis.get_xlabel(), axis.get_ylabel()) == ("Title", "steps", "bits")
    assert axis.get_yscale() == "log" and axis.get_xscale() == "linear"
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["a", "b"]
    assert plotting.plot_lines([1, 2], {"": [3, 4]}, "T", "x", "y").axes[0].get_legend() is None


def test_learning_curve_counts_sequences():
    history = History(sequences_a_point=16, bits=[10.0] * 30 + [0.0] * 30)
    (axis,) = plotting.plot_learning_curve({"machine": history}, "Learning").axes
    assert axis.lines[0].get_xdata()[-1] == 60 * 16
    assert axis.lines[1].get_ydata()[0] == pytest.approx(10) and axis.lines[1].get_ydata()[-1] == pytest.approx(0)


def test_pictures_are_drawn_as_given():
    picture = torch.tensor([[1.0, -1.0], [0.0, 1.0]])
    figure = plotting.plot_pictures({"X": picture}, "Letters")
    assert np.array_equal(figure.axes[0].images[0].get_array(), picture.numpy())


def test_answer_marks_exactly_the_wrong_bits(run):
    batch, _ = run
    logits = 8 * (2 * batch.targets - 1)
    logits[4, 1, 0] *= -1  # one wrong bit in sequence 1
    figure = plotting.plot_answer(batch, logits, sequence=1)
    wrong = figure.axes[3].images[0].get_array()
    assert wrong.sum() == 1 and wrong[0, 4] == 1
    assert figure.get_suptitle() == "1 wrong bits of 6"
    assert plotting.plot_answer(batch, logits, sequence=0).get_suptitle() == "0 wrong bits of 6"


def test_run_shows_heads_over_time(run):
    batch, trace = run
    figure = plotting.plot_run(batch, trace, sequence=2, locations=4)
    titles = [axis.get_title(loc="left") for axis in figure.axes]
    assert titles == ["inputs", "outputs", "add vectors", "read vectors", "write weightings", "read weightings"]
    drawn = figure.axes[4].images[0].get_array()
    assert np.allclose(drawn, trace.write_weightings[:, 2, 0, :4].T.detach().numpy())


def test_every_head_of_a_run_is_drawn():
    torch.manual_seed(0)
    batch = CopyTask(bits=2).sample(2, seed=0, length=3)
    heads = {"num_reads": 3, "num_writes": 2}
    trace = NTM(input_size=3, output_size=2, controller_size=8, N=5, M=4, **heads).trace(batch.inputs)
    figure = plotting.plot_run(batch, trace, sequence=1)
    drawn = {axis.get_title(loc="left"): axis.images[0].get_array() for axis in figure.axes}
    assert len(drawn) == 4 + 3 + 2 and drawn["read vectors"].shape == (3 * 4, 7)
    assert np.allclose(drawn["add vectors"][4:], trace.add[:, 1, 1].T.detach().numpy())
    for name, weightings in {"read": trace.read_weightings, "write": trace.write_weightings}.items():
        for head in range(weightings.shape[2]):
            panel = drawn[f"{name} weightings, head {head + 1} of {weightings.shape[2]}"]
            assert np.allclose(panel, weightings[:, 1, head].T.detach().numpy())


def test_figures_are_handed_back_closed(run):
    before = plt.get_fignums()
    plotting.plot_run(*run)
    plotting.plot_lines([1], {"": [1]}, "T", "x", "y")
    assert plt.get_fignums() == before


def test_animation_has_a_frame_for_every_step_and_stays_the_same(run):
    pages = [animate_run(*run, name="copy-run", alt="A run").data for _ in range(2)]
    assert pages[0] == pages[1]
    assert pages[0].count("data:image/png;base64,") == len(run[0].inputs) + 1  # every frame, and the first one to begin
    assert 'alt="A run"' in pages[0] and 'id="copy-run"' in pages[0] and 'max="6"' in pages[0]
    assert "http" not in pages[0]


def test_a_scrubber_needs_frames():
    with pytest.raises(ValueError, match="at least one image"):
        scrubber([], "name", "alt")
