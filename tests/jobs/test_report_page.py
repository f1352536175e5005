"""The report page tells what the tables say, loads nothing, and nothing hostile in it can act."""

from __future__ import annotations

from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from extract.evidence import Drawn, Evidence, example_of
from extract.shadow import Shadow, Votes
from jobs import charts
from jobs.cli import main
from jobs.drift import LabelCounts, compare_labels
from jobs.metrics import Tally
from jobs.plan_notes import write_plans
from jobs.prices import Instance, PricesBroken, read_prices
from jobs.report import RunLine, read_report
from jobs.report_page import render, scaled, write_report_page
from jobs.report_parts import BarRow, Curve, Point
from jobs.report_sections import build_page
from jobs.run_view import Reason, RunView, Span
from tests.corpus import Made, make_citation, write_medline
from tests.jobs.conftest import RunJob

HOSTILE = (
    "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{7*7}}&#x3c;</title></style>"
    "\u202eltr\u202c" + "unbroken" * 60
)


class Seen(HTMLParser):
    """Every element and attribute of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str | None]] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def hostile_page(text: str = HOSTILE) -> str:
    """A page with the text in every place that can hold one."""
    tally = Tally(fates=Counter({text: 3, "quarantined": 1}), n_sentences=10, n_entities=4)
    tally.worker_seconds = {text: 1.0}
    tally.worker_rss = {text: 1}
    example = example_of(Drawn(1, text, text, 0, text), [text])
    tally.audit = Counter(citation_dropped=9, citation_audited=2, citation_hits=1, citation_entities=1)
    tally.evidence = {"citation": Evidence({text: 1}, (example,))}
    tally.shadow = Shadow(text, "0", 2, 1, {text: Votes(1, 1, 1)}, (example,), 0.1, text)
    tally.computed = Counter(sentences=3, tokens=30, computed=36, padding=0)
    tally.n_gated_out = 9
    facts: dict[str, Any] = {name: {text: text} for name in ("host", "settings", "versions")}
    facts["gate_measured"] = {"dev": {"entities": 9, "lost": 1, "share": 0.1, "upper_95": 0.4}}
    labels = compare_labels(LabelCounts(Counter({text: 900}), 1000), [LabelCounts(Counter({text: 9}), 1000)])
    reasons = (Reason(text, 1, (text,)),)
    spans = (Span(0.0, 4.0, 2), Span(1.0, 5.0, 2), Span(4.0, 9.0, 3))
    view = RunView(text, facts, tally, {text: 1.0}, reasons, tuple(labels), 1, spans)
    line = RunLine(text, text, text, tally, 2.0, 1, 3.0, started_at=text)
    return render(build_page(view, line, [line] * 3, [Instance(text, 2, 0.1)]))


def test_hostile_text_is_inert() -> None:
    seen, harmless = Seen(hostile_page()), Seen(hostile_page().replace("script", "x"))
    assert seen.tags == harmless.tags
    assert not seen.tags.keys() & {"script", "img", "iframe", "object", "link", "a", "form", "base"}
    assert not [name for _, name, _ in seen.attributes if name.startswith("on") or name in ("src", "href")]
    assert sum(HOSTILE in text for text in seen.texts) > 8


def test_page_holds_no_characters_that_no_page_may_hold() -> None:
    page = hostile_page("null \0, bell \x07, escape \x1b[31m, half a pair \ud800")
    assert page.encode("utf-8")
    assert not {"\0", "\x07", "\x1b"} & set(page)
    assert "null  , bell  , escape  [31m, half a pair ?" in page


def test_page_forbids_itself_everything_but_its_styles() -> None:
    policies = [
        value for tag, name, value in Seen(hostile_page()).attributes if tag == "meta" and name == "content"
    ]
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:" in policies


def test_every_run_leaves_its_page(run: RunJob, tmp_path: Path) -> None:
    citations = [make_citation(pmid) for pmid in range(1, 20)]
    report = run(write_medline(tmp_path / "a.xml", [*citations, Made("12/../x", "Bad id.")]))
    page = tmp_path / "out" / "_runs" / report.run_id / "report.html"
    text = " ".join(Seen(page.read_text("utf-8")).texts)
    assert report.run_id in text
    for said in ("19 (95.0%)", "1 × bad_pmid", "a.xml, record 19", "USD/h", "tag", "worker 1", "No dense"):
        assert said in text, said


def test_run_is_compared_with_its_plan(run: RunJob, tmp_path: Path) -> None:
    path = write_medline(tmp_path / "a.xml", [make_citation(pmid) for pmid in range(1, 20)])
    first = run(path, out=tmp_path / "first")
    plan = {"model_sha256": first.model_sha256, "workers": 2, "citations": 19}
    write_plans(tmp_path / "out", [{**plan, "wall_seconds": 1000.0}])
    run(path)
    (line,) = read_report(tmp_path / "out")
    assert line.prediction_error == pytest.approx((line.wall_seconds or 0) / 1000 - 1)
    write_report_page(tmp_path / "out", tmp_path / "page.html")
    assert "The plan was off by more than 15%" in (tmp_path / "page.html").read_text("utf-8")
    assert read_report(tmp_path / "first")[0].prediction_error is None


def test_output_without_runs_has_a_page(tmp_path: Path) -> None:
    (tmp_path / "_commits").mkdir()
    write_report_page(tmp_path, tmp_path / "page.html")
    assert "No runs yet" in (tmp_path / "page.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("now", "before", "alarm"),
    [(100, 100, False), (100, 130, False), (100, 300, True), (300, 100, True), (0, 100, True), (0, 3, False)],
)
def test_drift_is_alarming_only_beyond_chance_and_size(now: int, before: int, alarm: bool) -> None:
    (line,) = compare_labels(LabelCounts(Counter(OS=now), 1000), [LabelCounts(Counter(OS=before), 1000)])
    assert line.alarm is alarm


def test_first_run_has_nothing_to_drift_from() -> None:
    (line,) = compare_labels(LabelCounts(Counter(OS=5), 1000), [])
    assert (line.before, line.change, line.alarm, line.per_thousand) == (None, None, False, 5.0)


def test_bars_share_one_scale() -> None:
    short, long = scaled([BarRow("a", 1, "1"), BarRow("b", 4, "4", mark=2)])
    assert (short[1], long[1], long[2]) == (25, 100, 50)
    assert scaled([BarRow("none", 0, "0")])[0][1] == 0


def curve_of(*values: float) -> Curve:
    points = tuple(Point(at, value, f"<b>{value}") for at, value in enumerate(values))
    return Curve("a line", points, ("first", "last"))


def test_line_is_drawn_for_screen_and_phone_and_is_the_same_each_time() -> None:
    picture = charts.draw(curve_of(3, 9, 6))
    assert picture == charts.draw(curve_of(3, 9, 6))
    seen = Seen(picture)
    assert seen.tags["svg"] == 2
    assert seen.tags["circle"] == 6
    assert not seen.tags.keys() & {"script", "style", "b", "a"}
    assert not [name for _, name, _ in seen.attributes if name in ("style", "href", "xlink:href", "id")]
    assert seen.texts.count("<b>9") == 2
    assert {"first", "last"} <= set(seen.texts)


def test_line_needs_two_points_and_never_shows_too_many() -> None:
    assert charts.draw(curve_of(1)) == ""
    thinned = charts.thin(curve_of(*range(5000)).points, 240)
    assert (len(thinned), thinned[0].y, thinned[-1].y) == (240, 0, 4999)
    assert Seen(charts.draw(curve_of(*range(5000)))).tags["circle"] == 0


def test_pace_adds_up_to_the_work() -> None:
    spans = [(0.0, 10.0, 100), (5.0, 10.0, 50)]
    paces = charts.pace_points(spans, 4)
    assert [pace for _, pace in paces] == pytest.approx([10, 10, 20, 20])
    assert sum(pace * 2.5 for _, pace in paces) == pytest.approx(150)
    assert charts.pace_points([], 4) == []


def test_price_table_gives_cost_a_million() -> None:
    assert Instance("x", 2, 0.096).usd_per_million(0.0075) == pytest.approx(0.1)  # 7,500 s at 0.048 USD/h
    assert all(instance.n_vcpus >= 1 for instance in read_prices())


@pytest.mark.parametrize(
    "text", ["", "[[instance]]", 'instance = "x"', "[[instance]]\nname='a'\nvcpus=0\nusd_per_hour=1", "?"]
)
def test_broken_price_table_is_told_in_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "prices.toml").write_text(text)
    with pytest.raises(PricesBroken, match=r"prices\.toml"):
        read_prices(tmp_path / "prices.toml")


def test_command_writes_the_page(run: RunJob, tmp_path: Path) -> None:
    run(write_medline(tmp_path / "a.xml", [make_citation(pmid) for pmid in range(1, 9)]))
    prices = tmp_path / "prices.toml"
    prices.write_text('[[instance]]\nname = "my own machine"\nvcpus = 4\nusd_per_hour = 0.1\n')
    page = tmp_path / "page.html"
    arguments: list[Any] = ["report", tmp_path / "out", "--html", page, "--prices", prices, "--json"]
    result = CliRunner().invoke(main, list(map(str, arguments)))
    assert result.exit_code == 0, result.stderr
    assert "my own machine" in page.read_text("utf-8")
