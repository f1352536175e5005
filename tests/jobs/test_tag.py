"""``extract tag``: the text highlighted in a terminal, as a page or as JSON, and nothing in it can act."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from extract.bundle import ModelBundle
from extract.tagged_text import tag_text
from extract.tagger import open_tagger
from jobs.cli import main
from jobs.tag_page import N_COLOURS, iter_pieces, render_tagged, visible

TEXT = "None here. OS was 14.1 months,\nORR 57%."
# Without digits where it is looked for, since the tiny model marks every number.
HOSTILE = "<script>alert(x)</script> 12 <img src=x onerror=a()> {{config}} \x1b[m &lt; \u202e 57 \u2028."


def tag(bundle: ModelBundle, *arguments: str, given: str | bytes | None = None) -> Result:
    return CliRunner().invoke(main, ["tag", "--model", str(bundle.path), *arguments], input=given)


class Seen(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.marked: list[str] = []
        self.text = ""
        self._inside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._inside == "mark":
            self.marked.append(data)


def test_json_holds_entities_and_facts_with_offsets_into_the_text(tiny_bundle: ModelBundle) -> None:
    told = json.loads(tag(tiny_bundle, TEXT, "--json").stdout)
    assert (told["model"], told["text"]) == ("int8", TEXT)
    assert [(row["text"], row["label"]) for row in told["entities"]] == [("14.1", "OS"), ("57", "ORR")]
    assert all(TEXT[row["start"] : row["end"]] == row["text"] for row in told["entities"])
    assert [(row["endpoint"], row["value"], row["unit"]) for row in told["endpoints"]] == [
        ("OS", 14.1, "months"),
        ("ORR", 57.0, "percent"),
    ]
    assert all(TEXT[row["value_start"] : row["value_end"]] == row["value_text"] for row in told["endpoints"])


def test_standard_input_is_read_and_pieces_add_up(tiny_bundle: ModelBundle) -> None:
    assert tag(tiny_bundle, given=TEXT).stdout == ("None here. OS was 14.1[OS] months,\nORR 57[ORR]%.\n")
    assert tag(tiny_bundle, "-", given="\ufeffOS 1.2").stdout == "OS 1.2[OS]\n"


@pytest.mark.parametrize("text", ["", " \n\t ", "nothing to find"])
def test_text_without_entities_is_no_error(tiny_bundle: ModelBundle, text: str) -> None:
    result = tag(tiny_bundle, "--json", given=text)
    assert (result.exit_code, json.loads(result.stdout)["entities"]) == (0, [])
    assert "Nothing was found." in tag(tiny_bundle, "--html", "-", given=text).stdout


def test_input_that_is_not_utf8_is_one_line(tiny_bundle: ModelBundle) -> None:
    result = tag(tiny_bundle, given=b"OS \xff")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "0xff at 3" in result.stderr
    assert result.stderr.count("\n") == 1


def test_page_and_json_do_not_share_standard_output(tiny_bundle: ModelBundle, tmp_path: Path) -> None:
    assert tag(tiny_bundle, TEXT, "--html", "-", "--json").exit_code == 2
    both = tag(tiny_bundle, TEXT, "--html", str(tmp_path / "t.html"), "--json")
    assert len(json.loads(both.stdout)["entities"]) == 2
    assert Seen((tmp_path / "t.html").read_text("utf-8")).marked == ["14.1", "57"]


def test_page_that_cannot_be_written_is_one_line(tiny_bundle: ModelBundle, tmp_path: Path) -> None:
    result = tag(tiny_bundle, TEXT, "--html", str(tmp_path / "none" / "t.html"))
    assert result.exit_code == 73
    assert result.stderr.count("\n") == 1
    assert "Traceback" not in result.stderr


def test_nothing_in_a_hostile_text_can_act(tiny_bundle: ModelBundle) -> None:
    page = render_tagged(tag_text(open_tagger(tiny_bundle), HOSTILE), tiny_bundle.labels)
    seen = Seen(page)
    assert not seen.tags & {"script", "img", "a", "iframe", "object", "form"}
    assert not {name for name in seen.attributes if name.startswith("on") or name in ("src", "href")}
    assert "default-src 'none'" in page
    assert "http" not in page.replace("http-equiv", "")
    assert "<script>alert(x)</script>" in seen.text
    assert "{{config}}" in seen.text
    assert "\\x1b[m &lt;" in seen.text
    assert not set("\x1b\u202e\u2028") & set(page)


def test_terminal_gets_colours_and_no_control_characters_of_the_text(tiny_bundle: ModelBundle) -> None:
    shown = in_terminal(tiny_bundle, {})
    assert "\x1b[1;4;" in shown
    assert "\\x1b[m &lt;" in shown
    assert "\x1b[m" not in shown
    plain = in_terminal(tiny_bundle, {"NO_COLOR": "1"})
    assert not [code for code in ("[31m", "[32m", "[33m", "[34m", "[35m", "[36m") if "\x1b" + code in plain]
    assert "\x1b" not in in_terminal(tiny_bundle, {"TERM": "dumb"})


def in_terminal(bundle: ModelBundle, environment: dict[str, str]) -> str:
    """What the command writes where stdout is a terminal."""
    ours, theirs = pty.openpty()
    words = ["tag", "--model", str(bundle.path), HOSTILE]
    inherited = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    with subprocess.Popen(
        [sys.executable, "-c", "from jobs.cli import main; main()", *words],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        env={**inherited, "TERM": "xterm", **environment},
    ) as process:
        os.close(theirs)
        parts = []
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:  # Linux says so when the other end is closed
                break
            if not part:
                break
            parts.append(part)
    os.close(ours)
    assert process.returncode == 0
    return b"".join(parts).decode()


def test_labels_of_one_endpoint_share_a_colour_and_colours_are_bounded(tiny_bundle: ModelBundle) -> None:
    tagged = tag_text(open_tagger(tiny_bundle), TEXT)
    pieces = list(iter_pieces(tagged, tiny_bundle.labels))
    assert "".join(piece.text for piece in pieces) == TEXT
    many = [f"L{number}" for number in range(40)] + ["OS_CIL", "OS", "ORR"]
    colours = {piece.label: piece.colour for piece in iter_pieces(tagged, many) if piece.label}
    assert set(colours.values()) <= set(range(N_COLOURS))


def test_what_is_not_printed_is_spelt_out() -> None:
    assert visible("a\r\nb\tc\x07\u200bé🧬\u2029") == "a\nb\tc\\x07\\u200bé🧬\\u2029"
