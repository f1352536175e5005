"""Photograph the page of a comparison for docs/comparing.md, in a real browser.

    extract models compare ... --html compare.html
    python docs/make_comparison_image.py compare.html

Writes ``docs/images/compare.png`` (light, as wide as a screen) and ``compare-phone.png`` (dark, narrow).
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from make_images import BROWSERS, IMAGES, photograph


def main(page: Path) -> None:
    """Write both pictures."""
    browser = next((path for path in map(shutil.which, BROWSERS) if path), None)
    if browser is None:
        sys.exit("no Chromium on the path")
    photograph(browser, page, IMAGES / "compare.png", width=1000, height=960, dark=False)
    photograph(browser, page, IMAGES / "compare-phone.png", width=390, height=960, dark=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
