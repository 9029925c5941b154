"""The addressing lab, used as a person would: keys, mouse, finger, links. Its numbers are implementation.py's."""

from itertools import pairwise
from urllib.parse import parse_qs

import pytest
import torch
from browsing import DESKTOP, PHONE, SITE, Visit, skip_or_fail
from torch.testing import assert_close

import implementation

LAB = "book/lab.html"
STAGES = ("content", "previous", "gated", "shifted", "weighting")
PRESETS = ("content", "choose", "iterate", "wrap", "blur", "jump", "order", "soft")
FORMS = {  # what a chapter embeds: its preset and its stages, and the panels that these show
    "02-content-addressing": ("content", "content", ["memory", "content"]),
    "03-interpolation": ("choose", "gate", ["content", "previous", "gated"]),
    "04-shift": ("iterate", "shift", ["previous", "shifted", "trail"]),
    "05-sharpening": ("blur", "shift gamma", ["previous", "shifted", "weighting", "trail"]),
    "06-erase-and-add": ("order", "write", ["place", "store", "erased", "added"]),
}


class Lab:
    """The lab of a page: its controls as a person finds them, and every number that it shows."""

    def __init__(self, visit, selector=".ntm-lab[data-address].ntm-ready"):
        self.visit, self.page = visit, visit.page
        self.root = self.page.locator(selector)
        self.root.wait_for()

    def control(self, name):
        return self.root.locator(f'[data-control="{name}"]')

    def press(self, control, *keys):
        self.control(control).focus()
        for key in keys:
            self.page.keyboard.press(key)

    def choice(self, name):
        return self.root.get_by_role("radio", name=name)

    def act(self, name, times=1):
        for _ in range(times):
            self.root.locator(f'[data-act="{name}"]').press("Enter")

    def choose(self, preset):
        self.root.locator(f'.ntm-presets [data-preset="{preset}"]').press("Enter")

    def numbers(self, selector):
        """All values under a selector, once it is certain that each is shown as it should be."""
        script = "nodes => nodes.map(node => [node.textContent, Number(node.dataset.value)])"
        found = self.root.locator(f"{selector} [data-value]").evaluate_all(script)
        for text, value in found:
            places = len(text.partition(".")[2])
            short = "fader" in selector and ("erased" in selector or "added" in selector)  # steps of a tenth
            assert places == (0 if abs(value) >= 99.95 else 1 if short or abs(value) >= 9.995 else 2)
            assert abs(float(text.replace("\u2212", "-")) - value) <= 0.5 * 10**-places + 1e-6
            assert text != "\u22120.00"
        return torch.tensor([value for _, value in found], dtype=torch.float64)

    def weighting(self, stage):
        return self.numbers(f'[data-stage="{stage}"]')

    def vector(self, table):
        return self.numbers(f'[data-memory="{table}"] .ntm-fader')

    def memory(self, table):
        rows = self.numbers(f'[data-memory="{table}"] tbody').reshape(8, -1)
        return rows[:, :6], rows[:, 6:].flatten()

    def shift(self):
        return self.numbers(".ntm-shift .ntm-fader")

    def value(self, name):
        return float(self.root.locator(f'output[for$="-{name}"]').text_content())

    def says(self, panel):
        return self.root.locator(f".ntm-panel-{panel} .ntm-says").text_content()

    def status(self):
        return self.root.locator("[role=status]").text_content()

    def panels(self):
        return self.root.locator(".ntm-panel").evaluate_all("all => all.map(one => one.classList[1].slice(10))")

    def trail(self):
        rows = self.root.locator('[data-memory="trail"] tbody tr:not(:has(:empty))').all()
        return [[float(cell) for cell in row.locator("td").all_inner_texts()] for row in rows]

    def address(self):
        return {name: parts[0] for name, parts in parse_qs(self.page.evaluate("location.hash.slice(1)")).items()}

    def wait_for_address(self, part):
        self.page.wait_for_function(f"location.hash.includes('{part}')")

    def assert_right(self):
        """All that the lab shows follows from its controls, its memory and its previous weighting."""
        memory, similarity = self.memory("memory")
        key, previous, shift = self.vector("memory"), self.weighting("previous"), self.shift()
        strength, gate, gamma = map(self.value, ("strength", "gate", "gamma"))
        content = implementation.content_addressing(memory, key, strength)
        gated = implementation.interpolate(content, previous, gate)
        shifted = implementation.circular_shift(gated, shift)
        weighting = implementation.sharpen(shifted, gamma)
        expected = (content, previous, gated, shifted, weighting)
        for stage, value in zip(STAGES, expected, strict=True):
            assert_close(self.weighting(stage), value, rtol=0, atol=1e-12)
        assert_close(similarity, implementation.cosine_similarity(memory, key), rtol=0, atol=1e-12)
        read = self.numbers('[data-memory="read"]')
        assert_close(read, implementation.read(memory, weighting), rtol=0, atol=1e-12)
        erase, add = self.vector("erased"), self.vector("added")
        if self.choice("erase, then add").is_checked():
            erased = implementation.erase(memory, weighting, erase)
            added = after = implementation.write(memory, weighting, erase, add)
        else:
            added = implementation.add(memory, weighting, add)
            erased = after = implementation.erase(added, weighting, erase)
        assert_close(self.memory("erased")[0], erased, rtol=0, atol=1e-12)
        assert_close(self.memory("added")[0], added, rtol=0, atol=1e-12)
        return weighting, after


@pytest.fixture
def open_lab(browser):
    if not (SITE / LAB).exists():
        skip_or_fail("NO LAB WAS TESTED: it is not in _build/html; build it with `make site`")
    visits = []

    def open_page(address="", theme="light", size=DESKTOP, **options):
        visits.append(Visit(browser, f"{LAB}#{address}" if address else LAB, theme, size, **options))
        return Lab(visits[-1])

    yield open_page
    for visit in visits:
        visit.page.close()
        assert visit.complaints == []


# --- The numbers


@pytest.mark.parametrize("preset", PRESETS)
def test_every_story_shows_what_the_equations_give(open_lab, preset):
    """At the start, and when the result of a step has become the past."""
    lab = open_lab()
    lab.choose(preset)
    assert lab.root.locator(".ntm-presets [aria-pressed=true]").get_attribute("data-preset") == preset
    weighting, after = lab.assert_right()
    for step in (1, 2, 3):
        lab.act("step")
        assert_close(lab.weighting("previous"), weighting, rtol=0, atol=1e-7)  # kept in float32
        assert_close(lab.memory("memory")[0], after, rtol=0, atol=1e-6)
        assert_close(torch.tensor(lab.trail()[-1]), weighting.float(), rtol=0, atol=0.0051)
        assert len(lab.trail()) == step
        weighting, after = lab.assert_right()
    lab.act("reset")
    assert lab.trail() == []
    lab.choose(preset)
    lab.assert_right()


def test_story_content_strength_decides(open_lab):
    lab = open_lab()
    lab.choose("content")
    assert lab.weighting("content").argsort(descending=True)[:2].tolist() == [2, 7]
    assert (
        "Row 2 is most like" in lab.says("memory") and lab.says("content") == "Location 2 has the largest weight, 0.60."
    )
    lab.press("strength", "End")
    assert lab.value("strength") == 50 and lab.weighting("weighting")[2] > 0.98
    lab.press("strength", "Home")
    assert lab.weighting("weighting").tolist() == [1 / 8] * 8
    assert "no say" in lab.says("content")
    lab.assert_right()


def test_story_choose_points_to_both_places(open_lab):
    lab = open_lab()
    lab.choose("choose")
    assert_close(lab.weighting("weighting")[[1, 4]], torch.tensor([0.5, 0.5]).double(), rtol=0, atol=0.01)
    lab.press("gate", "Home")
    assert lab.weighting("weighting").argmax() == 4 and "ignored" in lab.says("gated")
    lab.press("gate", "End")
    assert lab.weighting("weighting").argmax() == 1 and "forgotten" in lab.says("gated")
    lab.assert_right()


def test_story_iterate_walks_and_wrap_comes_round(open_lab):
    lab = open_lab()
    lab.choose("iterate")
    lab.act("step", 3)
    assert [row.index(1.0) for row in lab.trail()] == [3, 4, 5]
    assert lab.weighting("weighting")[6] == 1
    lab.choose("wrap")
    lab.act("step", 2)
    assert [row.index(1.0) for row in lab.trail()] == [0, 1]
    lab.press("shift-0", "End")
    lab.act("step", 3)
    assert [row.index(1.0) for row in lab.trail()] == [0, 1, 0, 7, 6]
    assert lab.status() == "After step 5: Location 6 has all the weight."


def test_story_blur_melts_and_gamma_repairs(open_lab):
    lab = open_lab()
    lab.choose("blur")
    lab.act("step", 10)
    assert lab.weighting("previous").max() < 0.35
    assert len(lab.trail()) == 10
    lab.act("step", 4)
    assert len(lab.trail()) == 12  # the last ones
    lab.act("reset")
    lab.press("gamma", "ArrowRight", "ArrowRight")
    assert lab.value("gamma") == 2
    lab.act("step", 10)
    assert round(lab.weighting("previous").max().item(), 2) == 0.96
    lab.assert_right()


def test_story_jump_then_step(open_lab):
    lab = open_lab()
    lab.choose("jump")
    assert lab.weighting("content").argmax() == 5 and lab.weighting("weighting").argmax() == 6
    lab.act("step")
    lab.press("gate", "Home")
    lab.act("step", 2)
    assert lab.weighting("previous").argmax() == 0  # 6, 7, 0


def test_story_order_add_first_loses_what_was_added(open_lab):
    lab = open_lab()
    lab.choose("order")
    row = lab.memory("added")[0][3]
    assert_close(row, lab.vector("added"))
    assert lab.panels()[-2:] == ["erased", "added"]
    lab.choice("erase, then add").focus()
    lab.page.keyboard.press("ArrowDown")
    assert lab.memory("erased")[0][3].tolist() == [0] * 6
    assert lab.panels()[-2:] == ["added", "erased"]
    lab.assert_right()
    lab.act("step")
    assert lab.memory("memory")[0][3].tolist() == [0] * 6


def test_story_soft_comes_closer(open_lab):
    lab = open_lab()
    lab.choose("soft")
    goal = lab.vector("added")[:3]

    def gaps():
        return (lab.memory("memory")[0][2:5, :3] - goal).norm(dim=-1)

    before = gaps()
    lab.act("step", 3)
    assert (gaps() < before).all() and (gaps() / before).argmin() == 1


# --- Controls


def test_every_control_by_its_keys(open_lab):
    """Each range input moves by arrow keys, Home and End, and the lab follows."""
    lab = open_lab()
    lab.choose("order")
    names = lab.root.locator("input[type=range]").evaluate_all("all => all.map(input => input.dataset.control)")
    assert len(names) == 3 + 6 + 3 + 6 + 6 and len(set(names)) == len(names)
    for name in names:
        control = lab.control(name)
        low, high, step = (float(control.get_attribute(part)) for part in ("min", "max", "step"))
        for key, expected in (("Home", low), ("ArrowUp", low + step), ("End", high), ("ArrowLeft", high - step)):
            lab.press(name, key)
            assert abs(float(control.input_value()) - expected) < 1e-9, (name, key)
        if name.startswith("shift"):
            assert_close(lab.shift().sum(), torch.tensor(1.0).double())
    lab.assert_right()


DESCRIBE = """() => {
  const node = document.activeElement;
  const seen = getComputedStyle(node).opacity === "0" ? node.nextElementSibling : node;
  const style = getComputedStyle(seen);
  const name = node.ariaLabel || node.labels?.[0]?.textContent || node.textContent;
  const box = seen.getBoundingClientRect();
  const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
  const clear = top === node || seen.contains(top);
  return [!!node.closest(".ntm-lab"), name.trim(), style.outlineStyle, parseFloat(style.outlineWidth), clear];
}"""


def tab_through(lab, key="Tab"):
    """Names of all that the Tab key comes to in the lab, from where the focus is; each must show it, under nothing."""
    names = []
    while True:
        lab.page.keyboard.press(key)
        inside, name, style, width, clear = lab.page.evaluate(DESCRIBE)
        if not inside:
            return names
        assert name and style != "none" and width >= 2 and clear, name
        names.append(name)


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_all_is_reached_by_tab_with_a_name_and_a_visible_focus(open_lab, size):
    """Forwards and backwards. Radio buttons of a name are one stop."""
    lab = open_lab(size=size)
    stops = lab.root.locator("button, input:not([type=radio]), a").count()
    lab.root.locator("button").first.focus()
    lab.page.keyboard.press("Shift+Tab")
    names = tab_through(lab)
    assert len(names) == stops + 3  # the key's row, the head's place, the order
    assert {"strength", "gate", "gamma", "key, column 0", "shift, share of +1", "add, column 5", "Step"} < set(names)
    assert len(tab_through(lab, "Shift+Tab")) == len(names)


def test_step_comes_after_the_stories(open_lab):
    lab = open_lab()
    lab.choose("soft")
    names = tab_through(lab)
    assert names[:2] == ["Step", "Reset"]
    assert len(names) < 30


def test_enter_on_a_slider_or_a_choice_takes_a_step(open_lab):
    """So that nobody has to go back to the button."""
    lab = open_lab()
    lab.choose("jump")
    lab.act("step")
    lab.press("gate", "Home", "Enter", "Enter")
    assert len(lab.trail()) == 3 and lab.weighting("previous").argmax() == 0  # 6, 7, 0
    lab.choice("put the head at location 3").press("Enter")
    assert len(lab.trail()) == 4
    lab.press("key-2", "Enter")
    assert len(lab.trail()) == 5
    lab.assert_right()


def test_the_lab_says_how_keys_work(open_lab):
    lab = open_lab()
    said = lab.root.locator(".ntm-help")
    assert all(word in said.inner_text() for word in ("Tab", "arrow keys", "Enter"))
    assert said.bounding_box()["y"] < lab.root.locator(".ntm-panels").bounding_box()["y"]
    assert "Drag" not in " ".join(lab.root.locator(".ntm-asks").all_inner_texts())


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_the_result_beside_step_says_what_it_is_and_stays_in_sight(open_lab, size):
    """It is what the next step ends with, and Step makes it the past."""
    lab = open_lab(size=size)
    lab.choose("iterate")
    strip = lab.root.locator(".ntm-strip")

    def heights():
        return strip.locator("i").evaluate_all("all => all.map(bar => Number(bar.style.getPropertyValue('--weight')))")

    assert strip.locator("div").inner_text() == "Next: step 1"
    assert lab.status() == "Step makes this the weighting before, and keeps what was written."
    for step in (1, 2):
        shown = heights()
        assert shown == lab.weighting("weighting").tolist()
        lab.act("step")
        assert lab.weighting("previous").tolist() == shown
        assert strip.locator("div").inner_text() == f"Next: step {step + 1}"
    assert lab.status() == "After step 2: Location 4 has all the weight."
    for kind in ("memory", "shifted", "read"):
        lab.root.locator(f".ntm-panel-{kind}").evaluate("panel => panel.scrollIntoView({block: 'center'})")
        for part in ("div", "i >> nth=0", "i >> nth=7"):
            box = strip.locator(part).bounding_box()
            assert box["x"] >= 0 and box["x"] + box["width"] <= size["width"]
            found = "([x, y]) => !!document.elementFromPoint(x, y).closest('.ntm-strip')"
            assert lab.page.evaluate(found, [box["x"] + 5, box["y"] + box["height"] / 2]), (kind, part)


def test_the_focus_of_an_upright_slider_leaves_its_number_free(open_lab):
    lab = open_lab(size=PHONE)
    lab.page.keyboard.press("Tab")
    gap = """input => {
      input.focus();
      const [track, number] = [input.nextElementSibling, input.nextElementSibling.nextElementSibling];
      const text = document.createRange();
      text.selectNodeContents(number);
      const style = getComputedStyle(track);
      const ring = parseFloat(style.outlineWidth) + parseFloat(style.outlineOffset);
      return text.getBoundingClientRect().top - track.getBoundingClientRect().bottom - ring;
    }"""
    for control in ("key-0", "shift-1", "erase-5"):
        lab.control(control).focus()
        assert lab.control(control).evaluate(gap) >= -2, control  # above a digit its line is blank for more than that


def drag(lab, control, height):
    """Drag the bar of an upright slider to a part of its height, with the mouse."""
    track = lab.root.locator(f'[data-control="{control}"] + .ntm-track')
    track.scroll_into_view_if_needed()
    box = track.bounding_box()
    x = box["x"] + box["width"] / 2
    lab.page.mouse.move(x, box["y"] + box["height"] / 2)
    lab.page.mouse.down()
    lab.page.mouse.move(x, box["y"] + box["height"] * (1 - height), steps=4)
    lab.page.mouse.up()


def test_bars_are_dragged_with_the_mouse(open_lab):
    lab = open_lab()
    lab.choose("blur")
    drag(lab, "shift-2", 0.5)
    assert lab.shift().tolist() == [0.1, 0.4, 0.5]  # the larger of the others gives
    drag(lab, "shift-2", 1.4)  # beyond the end
    assert lab.shift().tolist() == [0, 0, 1]
    drag(lab, "shift-2", 0)
    assert lab.shift().sum() == 1 and lab.shift()[2] == 0
    drag(lab, "key-1", 0.25)
    assert abs(lab.vector("memory")[1] + 0.5) < 0.1
    drag(lab, "add-0", 0.5)
    assert lab.vector("added")[0] == 0
    lab.assert_right()


def test_a_slider_is_dragged_with_the_mouse(open_lab):
    lab = open_lab()
    lab.control("gate").click()  # in its middle
    assert lab.value("gate") == 0.5
    lab.assert_right()


def test_a_finger_sets_bars_and_presses_buttons(open_lab):
    lab = open_lab(size=PHONE, has_touch=True)
    lab.root.locator('.ntm-presets [data-preset="iterate"]').tap()
    track = lab.root.locator('[data-control="shift-0"] + .ntm-track')
    track.tap(position={"x": 10, "y": 1})
    assert lab.shift().tolist() == [1, 0, 0]
    lab.root.locator('[data-act="step"]').tap()
    assert lab.trail()[-1].index(1.0) == 1
    lab.assert_right()


def test_a_location_s_number_sets_the_key_or_the_head(open_lab):
    lab = open_lab()
    lab.choice("use what location 5 holds").press("Space")
    assert_close(lab.vector("memory"), lab.memory("memory")[0][5], rtol=0, atol=0.025)
    lab.choice("put the head at location 6").click()
    assert lab.weighting("previous").tolist() == [0] * 6 + [1, 0]
    lab.page.keyboard.press("ArrowDown")
    assert lab.weighting("previous").argmax() == 7 and lab.choice("put the head at location 7").is_checked()
    lab.act("step")
    lab.press("key-0", "ArrowUp")
    assert not lab.choice("use what location 5 holds").is_checked()  # the key is no row any more
    lab.assert_right()


def test_a_zero_key_is_like_nothing(open_lab):
    lab = open_lab("preset=content&key=0,0,0,0,0,0&strength=50")
    assert lab.weighting("content").tolist() == [1 / 8] * 8 and "like nothing" in lab.says("memory")


# --- The words


TIES = {  # what is set, and what is said of it
    "preset=content&strength=0&gate=1": {
        "content": "Strength 0: the key has no say. Every location gets 1/8 = 0.125.",
        "weighting": "Gamma 1 changes nothing. All locations have the same weight, 1/8 = 0.125.",
        "read": "The average of all rows.",
    },
    "preset=content&strength=0&gate=1&gamma=3": {
        "weighting": "There is nothing to sharpen. All locations have the same weight, 1/8 = 0.125.",
    },
    "preset=iterate&shift=0.5,0,0.5&erase=1,1,0,0,0,0&add=0,0.5,0.5,0,0,0": {
        "previous": "The head was at location 2.",
        "weighting": "Gamma 1 changes nothing. Locations 1 and 3 have the largest weight, 0.50 each.",
        "read": "An average of the rows. Rows 1 and 3 make up 50 % each.",
        "erased": "Locations 1 and 3, columns 0 and 1: 1 − weight 0.50 × erase 1.00 = 0.50 of it is kept.",
        "added": "Locations 1 and 3, columns 1 and 2: weight 0.50 × add 0.50 = 0.25 is added.",
    },
    "preset=order&add=-1,1,0,0,0,0": {
        "erased": "Location 3, all columns: 1 − weight 1.00 × erase 1.00 = 0.00 of it is kept.",
        "added": "Location 3, column 0: weight 1.00 × add −1.00 = −1.00 is added.",
        "read": "The numbers of row 3.",
    },
    "preset=iterate&previous=0.4,0,0.4,0.2,0,0,0,0&shift=0,1,0": {
        "previous": "The head was spread out. Locations 0 and 2 have the largest weight, 0.40 each.",
        "read": "An average of the rows. Rows 0 and 2 make up 40 % each.",
    },
    "preset=iterate&previous=0.125,0.125,0.125,0.125,0.125,0.125,0.125,0.125": {
        "previous": "The head was spread out. All locations have the same weight, 1/8 = 0.125.",
    },
    "preset=iterate&previous=0.3,0.299,0.301,0.1,0,0,0,0": {  # the same to two digits, yet not equal
        "previous": "The head was spread out. Location 2 has the largest weight, 0.30.",
    },
    "preset=content&memory=" + ",".join(["1,0,0,0,0,0"] * 2 + ["0,1,0,0,0,0"] * 6) + "&key=1,0,0,0,0,0": {
        "memory": "Rows 0 and 1 are most like the key: 1.00. Same direction would be 1, opposite −1.",
        "content": "Locations 0 and 1 have the largest weight, 0.49 each.",
    },
}


def test_a_weighting_reads_the_same_before_and_after_it_becomes_the_past(open_lab):
    """A half, such as 0.875, is rounded alike in double and in single precision."""
    lab = open_lab("preset=choose&strength=50")
    for _ in range(6):
        lab.act("step")
        shown = lab.root.locator('[data-stage="previous"] .ntm-number').all_inner_texts()
        assert lab.trail()[-1] == [float(text) for text in shown]


def test_steps_before_the_page_was_opened_are_counted_and_not_listed(open_lab):
    lab = open_lab("preset=iterate&step=4")
    assert lab.says("trail") == "The page was opened after step 4; what came before is not listed."
    lab.act("step")
    assert lab.says("trail") == "The last of these weightings is now the one before."


def test_large_numbers_keep_to_their_cells(open_lab):
    lab = open_lab("preset=content&memory=" + ",".join(map(str, [132, -65.6, 9.994, -12.34, 0.5, -1234567 / 1e3] * 8)))
    shown = lab.root.locator('[data-memory="memory"] tbody tr').first.locator(".ntm-cell").all_inner_texts()
    assert shown[:6] == ["132", "−65.6", "9.99", "−12.3", "0.50", "−1235"]


@pytest.mark.parametrize("address", TIES, ids=range(len(TIES)))
def test_what_is_equal_is_said_to_be_equal(open_lab, address):
    lab = open_lab(address)
    for panel, said in TIES[address].items():
        assert lab.says(panel) == said


def test_a_step_that_ends_at_two_places_says_so(open_lab):
    lab = open_lab("preset=iterate&shift=0.5,0,0.5")
    lab.act("step")
    assert lab.status() == "After step 1: Locations 1 and 3 have the largest weight, 0.50 each."


def test_as_many_steps_are_kept_as_a_story_asks_for(open_lab):
    lab = open_lab()
    for preset in PRESETS:
        lab.choose(preset)
        asked = 10 if "ten times" in lab.root.locator(".ntm-story").inner_text() else 3
        lab.act("step", asked)
        assert len(lab.trail()) == asked
        assert lab.says("trail") == "The last of these weightings is now the one before."
        lab.act("reset")
        assert lab.trail() == [] and lab.says("trail") == "No step has been taken."


# --- The address


def everything(lab):
    shown = [lab.weighting(stage) for stage in STAGES] + [lab.shift(), lab.numbers('[data-memory="read"]')]
    shown += [lab.memory(table)[0] for table in ("memory", "erased", "added")]
    shown += [lab.vector(table) for table in ("memory", "erased", "added")]
    return [x.tolist() for x in shown], [lab.value(name) for name in ("strength", "gate", "gamma")]


def test_address_holds_all_that_is_set(open_lab):
    """A link leads to the same numbers, to the last digit, also after steps and writes."""
    lab = open_lab()
    lab.choose("soft")
    lab.press("gate", "PageUp", "ArrowRight")
    lab.press("gamma", "ArrowRight")
    lab.press("shift-2", "PageUp")
    lab.press("key-3", "ArrowUp")
    lab.press("erase-4", "ArrowUp")
    lab.act("step", 3)
    lab.press("add-0", "ArrowDown")
    lab.press("strength", "ArrowDown")
    lab.wait_for_address("strength=9.5")
    assert lab.address()["preset"] == "soft" and lab.address()["step"] == "3"
    again = open_lab(lab.page.evaluate("location.hash.slice(1)"))
    assert everything(again) == everything(lab)
    again.assert_right()


def test_short_link_by_hand(open_lab):
    lab = open_lab("preset=iterate&shift=0.2,0.6,0.2&gamma=3&gate=0.25&strength=7.3")
    assert lab.shift().tolist() == [0.2, 0.6, 0.2]
    assert [lab.value(name) for name in ("gamma", "gate", "strength")] == [3, 0.25, 7.3]
    assert lab.weighting("previous").argmax() == 2
    lab.assert_right()


@pytest.mark.parametrize(
    "address",
    [
        "preset=nonsense&gate=0.5",
        "preset=constructor",
        "preset=content&gate=2&gamma=0&strength=x&step=-1",
        "preset=content&shift=1,1,1&previous=0,0,0,0,0,0,0,0&key=1,2",
        "preset=content&memory=1,2,3&order=sideways&gate=",
        "what-each-parameter-does",
    ],
)
def test_address_that_makes_no_sense_gives_the_preset(open_lab, address):
    plain = everything(open_lab())
    lab = open_lab(address)
    assert everything(lab) == plain
    lab.assert_right()


def test_an_untouched_lab_leaves_the_address_alone(open_lab):
    lab = open_lab()
    lab.page.wait_for_timeout(400)
    assert lab.page.evaluate("location.hash") == ""


def test_back_and_forward(open_lab):
    lab = open_lab()
    first = everything(lab)
    lab.choose("iterate")
    lab.press("gamma", "ArrowRight")
    changed = everything(lab)
    lab.act("step", 2)
    stepped, trail = everything(lab), lab.trail()

    def go(way, expected):
        getattr(lab.page, way)()
        lab.page.wait_for_timeout(100)
        assert everything(lab) == expected

    lab.page.go_back()
    go("go_back", changed)
    assert lab.trail() == []
    go("go_back", first)
    lab.page.go_forward()
    lab.page.go_forward()
    go("go_forward", stepped)
    assert lab.trail() == trail


# --- The page


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_it_fits(open_lab, theme, size):
    """Nothing is cut off, no control is too small for a finger, and the colours are those of the theme."""
    lab = open_lab("preset=soft", theme, size)
    lab.visit.wait_for_theme(theme)
    lab.act("step", 2)
    lab.visit.assert_no_sideways_scroll()
    too_wide = """nodes => nodes.filter(node => node.scrollWidth > node.clientWidth + 1).map(node => node.outerHTML)"""
    assert lab.root.locator(".ntm-panel, td, .ntm-number, button").evaluate_all(too_wide) == []
    assert lab.page.locator("article div:has(> table)").evaluate_all(too_wide) == []
    small = """nodes => nodes.map(node => [node.getBoundingClientRect(), node.outerHTML])
      .filter(([box]) => box.width < 24 || box.height < 24).map(([, html]) => html)"""
    assert (
        lab.root.locator("button, .ntm-track, .ntm-slider input, .ntm-place label, th label").evaluate_all(small) == []
    )
    assert [url for url in lab.visit.requests if not url.startswith(("file:", "data:"))] == []


def test_rows_of_neighbours_are_at_one_height(open_lab):
    lab = open_lab()
    for row in (("memory", "content"), ("previous", "gated", "shifted", "weighting"), ("erased", "added")):
        last = "li:last-child, tbody tr:last-child"
        boxes = [lab.root.locator(f".ntm-panel-{kind}").locator(last).first.bounding_box() for kind in row]
        centres = [box["y"] + box["height"] / 2 for box in boxes]
        assert max(centres) - min(centres) < 2


def test_nothing_moves_when_the_reader_prefers_so(open_lab):
    moving = "nodes => nodes.filter(node => parseFloat(getComputedStyle(node).transitionDuration) > 0).length"
    assert open_lab().root.locator("*").evaluate_all(moving) > 0
    assert open_lab(reduced_motion="reduce").root.locator("*").evaluate_all(moving) == 0


def test_page_says_what_each_parameter_does(open_lab):
    """The words before the lab name and count those of the table after it."""
    lab = open_lab()
    rows = lab.page.locator("article table:not(.ntm-memory) tbody tr td:first-child").all_inner_texts()
    names = [row.split()[0] for row in rows]
    assert names == ["key", "strength", "gate", "shift", "gamma", "erase", "add"]
    words = lab.page.locator("section:has(> h1) > p").all_inner_texts()[1]
    assert all(name in words for name in names)
    assert "five parameters" in words and "Two more" in words and "all seven" in words
    assert lab.root.locator(".ntm-story").count() == 1


def test_panels_fill_their_rows_evenly(open_lab):
    """On a desktop: no panel is stretched beside its like, and none has a hole."""
    lab = open_lab("preset=soft")
    boxes = {kind: lab.root.locator(f".ntm-panel-{kind}").bounding_box() for kind in lab.panels()}
    rows = (
        ("memory", "content", "trail"),
        ("previous", "gated", "shifted", "weighting"),
        ("read",),
        ("erased", "added"),
    )
    for row in rows:
        assert (
            len({round(boxes[kind]["y"]) for kind in row}) == len({round(boxes[kind]["height"]) for kind in row}) == 1
        )
        assert boxes[row[-1]]["x"] + boxes[row[-1]]["width"] == pytest.approx(
            boxes["read"]["x"] + boxes["read"]["width"], abs=1
        )
    for like in (("previous", "gated", "shifted", "weighting"), ("erased", "added"), ("memory", "trail")):
        widths = [boxes[kind]["width"] for kind in like]
        assert max(widths) - min(widths) < 2
    hole = """panel => Math.max(...[...panel.children].slice(1).map((child, i) =>
      child.getBoundingClientRect().top - panel.children[i].getBoundingClientRect().bottom))"""
    for kind in lab.panels():
        assert lab.root.locator(f".ntm-panel-{kind}").evaluate(hole) < 100, kind


# --- In a chapter


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("chapter", FORMS)
def test_a_chapter_shows_its_part(open_lab, chapter, size):
    preset, stages, panels = FORMS[chapter]
    form = f'<div class="ntm-lab" id="embedded" data-preset="{preset}" data-stages="{stages}"><p>For print.</p></div>'
    seen = open_lab(size=size).visit
    file = SITE / "notebooks" / f"{chapter}.html"
    page = file.read_text(encoding="utf-8").replace("</article>", f"{form}</article>")
    seen.page.route(f"**/{file.name}", lambda route: route.fulfill(body=page, content_type="text/html; charset=utf-8"))
    seen.page.goto(file.as_uri())
    lab = Lab(seen, "#embedded.ntm-lab.ntm-ready")
    assert lab.panels() == panels
    assert "For print" not in lab.root.inner_text()
    seen.assert_no_sideways_scroll()
    for stage in STAGES:
        if lab.root.locator(f'[data-stage="{stage}"]').count():
            assert_close(lab.weighting(stage).sum(), torch.tensor(1.0).double())
    numbers = [number.bounding_box() for number in lab.root.locator(".ntm-shift .ntm-number").all()]
    assert all(right["x"] - left["x"] - left["width"] >= 4 for left, right in pairwise(numbers))
    if "content" not in stages.split():
        lab.act("step")
    assert seen.page.evaluate("location.hash") == ""

    link = lab.root.get_by_role("link", name="Open this in the lab")
    weightings = {stage: lab.weighting(stage).tolist() for stage in STAGES}
    link.click()
    whole = Lab(seen)
    assert whole.page.url.startswith((SITE / LAB).as_uri())
    for stage, shown in weightings.items():
        assert shown in ([], whole.weighting(stage).tolist())
    whole.assert_right()


def test_chapters_that_embed_a_lab_build_it(open_lab):
    """Every page that has one, as it is in the book."""
    for file in sorted((SITE / "notebooks").glob("*.html")):
        if 'class="ntm-lab"' in file.read_text(encoding="utf-8"):
            seen = open_lab().visit
            seen.page.goto(file.as_uri())
            for lab in seen.page.locator(".ntm-lab").all():
                assert lab.locator(".ntm-panel").count() > 0
