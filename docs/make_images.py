"""Draw the pictures of the README and the docs from what the program really answers.

    python docs/make_images.py

Writes ``docs/images/tag.svg``, the embedded model on sentences in the style of the sample corpus, and, where
a Chromium is installed, ``report.png`` and ``report-phone.png``: the page of a run over the sample corpus.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.terminal_theme import DEFAULT_TERMINAL_THEME
from rich.text import Text

from cluster import ClusterConfig
from extract.bundle import open_bundle
from extract.registry import DEFAULT_MODEL, find_bundle
from extract.tagger import Tagger, open_tagger
from jobs.config import JobConfig
from jobs.model import find_model
from jobs.run import run_job

SENTENCES = (
    "Median overall survival was 14.1 months (95% CI 11.2-17.8) with the combination and 9.6 months with"
    " placebo (HR 0.71, P = .003).",
    "The 2- and 5-year progression-free survival rates were 61% and 38%; the response rate was 43 %.",
    "Blood pressure fell by 12 mmHg in 43% of 112 patients within 5 years; none was lost to follow-up.",
)
IMAGES = Path(__file__).parent / "images"
SAMPLE = Path(__file__).parents[1] / "examples" / "sample"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
COLOURS = {"OS": "green", "PFS": "cyan", "DFS": "blue", "DoR": "magenta", "ORR": "yellow", "time": "red"}

# Rich's own frame loads a font from the network; this one asks for any monospaced font.
FRAME = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">
<title>Sentences with their entities highlighted</title>
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, monospace; font-size: {char_height}px; }}
{styles}
</style>
<rect width="{width}" height="{height}" rx="8" fill="#f6f8fa"/>
<g transform="translate({terminal_x}, 16)">
{backgrounds}
<g class="{unique_id}-matrix">{matrix}</g>
</g>
<defs>{lines}</defs>
</svg>
"""


def highlighted(tagger: Tagger, sentence: str) -> Text:
    """The sentence with its entities in colour and their labels behind them."""
    (mentions,) = tagger.tag([sentence]).mentions
    text, at = Text(), 0
    for mention in mentions:
        colour = COLOURS[mention.label.split("_")[0]]
        text.append(sentence[at : mention.start])
        text.append(sentence[mention.start : mention.end], style=f"bold {colour}")
        text.append(f" {mention.label} ", style=f"reverse {colour}")
        at = mention.end
    return text.append(sentence[at:])


def draw_report(folder: Path) -> Path:
    """The report of the last of some nights, each of which brought another file of the sample corpus."""
    inputs = folder / "in"
    inputs.mkdir()
    for path in sorted(path for path in SAMPLE.iterdir() if path.suffix in (".xml", ".gz")):
        shutil.copy(path, inputs)
        config = JobConfig(
            inputs=(str(inputs),),
            out=folder / "out",
            model=find_model(DEFAULT_MODEL),
            cluster=ClusterConfig(n_workers=2),
            slice_records=10,
        )
        report = run_job(config)
    return folder / "out" / "_runs" / report.run_id / "report.html"


def photograph(browser: str, page: Path, image: Path, *, width: int, height: int, dark: bool) -> None:
    """What a browser shows of a page. A frame gives widths that no window may have."""
    framed = page.with_name(f"frame-{image.stem}.html")
    style = f"width:{width}px;height:{height}px;border:0"
    framed.write_text(f'<body style="margin:0"><iframe src="{page.name}" style="{style}" scrolling="no">')
    scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    window = [f"--window-size={width},{height}", "--hide-scrollbars", f"--screenshot={image.absolute()}"]
    subprocess.run(
        [
            browser,
            "--headless",
            "--disable-gpu",
            *sandbox,
            scheme,
            *window,
            "--virtual-time-budget=5000",
            framed.absolute().as_uri(),
        ],
        check=True,
        capture_output=True,
    )


def main() -> None:
    """Write every picture."""
    browser = next((path for path in map(shutil.which, BROWSERS) if path), None)
    if browser is not None:
        with TemporaryDirectory() as folder:
            page = draw_report(Path(folder))
            photograph(browser, page, IMAGES / "report.png", width=1040, height=1500, dark=False)
            photograph(browser, page, IMAGES / "report-phone.png", width=360, height=1500, dark=True)
    tagger = open_tagger(open_bundle(find_bundle(DEFAULT_MODEL)))
    console = Console(record=True, width=96, file=io.StringIO(), color_system="truecolor")
    for sentence in SENTENCES:
        console.print(highlighted(tagger, sentence))
    IMAGES.mkdir(exist_ok=True)
    svg = console.export_svg(theme=DEFAULT_TERMINAL_THEME, code_format=FRAME, unique_id="tag")
    (IMAGES / "tag.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
