"""The report page in a real browser: nothing overflows, charts are drawn, nothing is loaded or complained."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.jobs.test_report_page import hostile_page

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WIDTHS = (1280, 360)
HARNESS = """<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><body><script>
const seen = {};
function look(frame) {
  const page = frame.contentDocument, shown = [...page.querySelectorAll('svg')].filter(s => s.clientWidth);
  seen[frame.width] = {
    overflow: page.documentElement.scrollWidth - page.documentElement.clientWidth,
    charts: shown.length,
    undrawn: shown.filter(s => !(s.querySelector('.series .line')?.getTotalLength() > 50)).length,
    outside: shown.filter(s => s.getBoundingClientRect().right > frame.contentWindow.innerWidth).length,
    tiny: [...page.querySelectorAll('svg text')].filter(t => {
      const height = t.getBoundingClientRect().height; return height > 0 && height < 9 }).length,
    bars: [...page.querySelectorAll('.bar')].filter(b => b.getBoundingClientRect().width >= 1).length,
    background: getComputedStyle(page.body).backgroundColor,
    title: page.title,
  };
  if (Object.keys(seen).length === WIDTHS.length) document.title = JSON.stringify(seen);
}
const WIDTHS = %s;
for (const width of WIDTHS) {
  const frame = document.createElement('iframe');
  Object.assign(frame, {width, height: 900, src: 'page.html'});
  frame.style.border = 0;
  frame.onload = () => look(frame);
  document.body.append(frame);
}
</script>"""


@pytest.fixture(scope="module")
def browser() -> str:
    """A browser that runs without a screen."""
    found = next((path for path in map(shutil.which, BROWSERS) if path), None)
    if found is None:
        pytest.skip(f"needs a browser to look at the page with: none of {', '.join(BROWSERS)} is here")
    return found


class Server(ThreadingHTTPServer):
    """Serves a folder to this machine, and notes what is asked for."""

    def __init__(self, folder: Path) -> None:
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), partial(_Handler, directory=str(folder)))


class _Handler(SimpleHTTPRequestHandler):
    server: Server

    def log_message(self, format: str, *args: Any) -> None:
        self.server.asked.append(self.path)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The report with hostile texts in every place, framed at the width of a screen and of a phone."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "page.html").write_text(hostile_page(), encoding="utf-8")
    (folder / "harness.html").write_text(HARNESS % json.dumps(WIDTHS), encoding="utf-8")
    with Server(folder) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def look(browser: str, server: Server, profile: Path, *, dark: bool) -> tuple[dict[str, Any], str]:
    """What the harness saw, and what the browser had to say."""
    done = subprocess.run(
        [
            browser,
            "--headless",
            "--disable-gpu",
            *(["--no-sandbox"] if os.geteuid() == 0 else []),
            "--no-first-run",
            f"--user-data-dir={profile}",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            f"--blink-settings=preferredColorScheme={0 if dark else 1}",
            "--enable-logging=stderr",
            "--virtual-time-budget=10000",
            "--dump-dom",
            f"http://127.0.0.1:{server.server_port}/harness.html",
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    title = re.search(r"<title>(.*?)</title>", done.stdout, re.DOTALL)
    assert title, done.stderr[-2000:]
    return json.loads(html.unescape(title[1])), done.stderr


@pytest.mark.parametrize("dark", [False, True])
def test_page_is_whole_on_screen_and_phone(browser: str, site: Server, tmp_path: Path, dark: bool) -> None:
    site.asked.clear()
    seen, said = look(browser, site, tmp_path / "profile", dark=dark)
    assert "CONSOLE" not in said
    assert {path for path in site.asked} == {"/harness.html", "/page.html"}
    for width in WIDTHS:
        page = seen[str(width)]
        assert page["overflow"] <= 0, (width, page)
        assert page["charts"] == 5, (width, page)
        assert (page["undrawn"], page["outside"], page["tiny"]) == (0, 0, 0), (width, page)
        assert page["bars"] >= 4, (width, page)
        red = int(re.findall(r"\d+", page["background"])[0])
        assert (red < 60) == dark, page
