"""Pictures to scrub through in a static page: plain HTML and a few lines of script, nothing to load."""

import json
from html import escape

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
