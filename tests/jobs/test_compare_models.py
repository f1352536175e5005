"""Models side by side: every column of the table comes out again when it is counted another way."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics import f1_score

from extract.agreement import bootstrap_f1, count_matches, f1_of
from extract.annotations import AnnotatedSentence, read_annotations
from extract.bundle import ModelBundle, open_bundle
from extract.tagger import open_tagger
from jobs.cli import main
from jobs.comparison_chart import scatter_of
from jobs.comparison_page import render_comparison
from jobs.corpus_comparison import MEDLINE_CITATIONS
from jobs.entrant import find_entrant, settle_entrants
from jobs.errors import JobError
from jobs.pareto import Point, choose, find_front
from tests.corpus import make_citation, write_medline

SENTENCES = (
    ("OS was 12 months.", ((7, 9, "OS"),)),
    ("ORR was 61 percent of 34.", ((8, 10, "ORR"),)),
    ("No numbers at all.", ()),
    ("From 70 to 25 of 112 patients.", ((5, 7, "ORR"), (11, 13, "ORR"), (17, 20, "OS"))),
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sentences on which the number finder is right about most, not all."""
    path = tmp_path_factory.mktemp("data") / "test.jsonl"
    lines = [
        {
            "id": str(number),
            "text": text,
            "entities": [{"start": start, "end": end, "label": label} for start, end, label in spans],
        }
        for number, (text, spans) in enumerate(SENTENCES)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.fixture(scope="module")
def variants(tmp_path_factory: pytest.TempPathFactory) -> tuple[ModelBundle, ...]:
    """Two number finders, one of them called dense and not the first."""
    pytest.importorskip("torch", reason="building a bundle needs the extra packages of [compress]")
    from tests.tiny import build_tiny_bundle

    folder = tmp_path_factory.mktemp("variants")
    return tuple(
        build_tiny_bundle(folder / name, name=name, seed=seed) for name, seed in (("int8", 1), ("dense", 0))
    )


def compare(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["models", "compare", *map(str, arguments)])


@pytest.fixture(scope="module")
def told(variants: tuple[ModelBundle, ...], data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict:
    corpus = write_medline(
        tmp_path_factory.mktemp("corpus") / "a.xml", [make_citation(pmid) for pmid in range(1, 30)]
    )
    paths = [bundle.path for bundle in variants]
    result = compare(*paths, "--data", data, "--corpus", corpus, "--repeats", 2, "--workers", 1, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_scores_are_those_of_seqeval_over_the_tagger(
    told: dict, variants: tuple[ModelBundle, ...], data: Path
) -> None:
    gold = read_annotations(data)
    for row, bundle in zip(told["rows"], variants, strict=True):
        found = open_tagger(open_bundle(bundle.path)).tag([sentence.text for sentence in gold]).mentions
        gold_tags = [character_tags(sentence.text, sentence.entities) for sentence in gold]
        found_tags = [character_tags(s.text, spans) for s, spans in zip(gold, found, strict=True)]
        assert row["f1"] == pytest.approx(f1_score(gold_tags, found_tags))
        assert 0 <= row["f1_low"] <= row["f1"] <= row["f1_high"] <= 1


def character_tags(text: str, spans: object) -> list[str]:
    """A tag a character: another way to the same strict score."""
    tags = ["O"] * len(text)
    for span in spans:  # type: ignore[attr-defined]
        tags[span.start : span.end] = [f"I-{span.label}"] * (span.end - span.start)
        tags[span.start] = f"B-{span.label}"
    return tags


def test_pace_is_counted_from_the_rounds(told: dict, variants: tuple[ModelBundle, ...]) -> None:
    texts = [text for text, _ in SENTENCES]
    for row, bundle in zip(told["rows"], variants, strict=True):
        first, second = row["seconds"]
        median = (first + second) / 2
        n_tokens = sum(len(re.findall(r"\S", text)) for text in texts)  # every character is a token
        assert row["sentences_per_second"] == pytest.approx(len(texts) / median, rel=1e-2)
        assert row["tokens_per_second"] == pytest.approx(n_tokens / median, rel=1e-2)
        assert 0 < row["latency_ms_p50"] <= row["latency_ms_p95"]
        assert row["bytes"] == sum((bundle.path / name).stat().st_size for name in bundle.files)
        assert 20 * 2**20 < row["peak_rss_bytes"] < 4 * 2**30


def test_batches_of_sixteen_are_timed_in_both_orders(told: dict) -> None:
    lengths = [len(re.findall(r"\S", text)) for text, _ in SENTENCES]
    for row in told["rows"]:
        for pace in row["batches_of_16"].values():
            assert 0 < pace["ms_per_sentence_p50"] <= pace["ms_per_sentence_p95"]
            ratio = sum(lengths) / len(lengths)
            assert pace["tokens_per_second"] == pytest.approx(pace["sentences_per_second"] * ratio, rel=1e-3)
    dense = told["rows"][1]["batches_of_16"]
    assert {order: pace["speedup_vs_dense"] for order, pace in dense.items()} == {
        "natural": 1.0,
        "by_length": 1.0,
    }


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="the kernel does not tell")
def test_memory_is_split_into_what_is_a_workers_own_and_what_is_not(told: dict) -> None:
    for row in told["rows"]:
        assert 5 * 2**20 < row["private_bytes"] < row["pss_bytes"]
        assert row["pss_bytes"] < row["private_bytes"] + row["shared_bytes"] < 2**30
        assert 5 * 2**20 < row["second_worker_bytes"] < row["pss_bytes"]


def test_loading_is_timed_from_no_process_at_all(told: dict) -> None:
    for row in told["rows"]:
        first, second = row["load_seconds_rounds"]
        assert row["load_seconds"] == pytest.approx((first + second) / 2, rel=1e-3)
        # The start of Python alone takes longer than the tiny model.
        assert 0.02 < min(first, second) < 600


def test_difference_to_the_reference_has_an_interval(told: dict) -> None:
    fast, dense = told["rows"]
    assert (dense["f1_difference"], dense["f1_difference_low"], dense["f1_difference_high"]) == (0, 0, 0)
    assert fast["f1_difference"] == pytest.approx(fast["f1"] - dense["f1"])
    assert fast["f1_difference_low"] <= fast["f1_difference"] <= fast["f1_difference_high"]


def test_reference_is_the_dense_variant_wherever_it_stands(told: dict) -> None:
    assert told["reference"] == "dense"
    fast, dense = told["rows"]
    assert (dense["speedup_vs_dense"], dense["agreement_with_dense"]) == (1.0, 1.0)
    ratio = fast["sentences_per_second"] / dense["sentences_per_second"]
    assert fast["speedup_vs_dense"] == pytest.approx(ratio, rel=1e-2)


def test_corpus_columns_follow_from_pace_and_price(told: dict) -> None:
    for row in told["rows"]:
        corpus = row["corpus"]
        assert (corpus["citations"], corpus["workers"], corpus["gate"]) == (29, 1, False)
        pace = 29 / corpus["busy_seconds"]
        assert corpus["busy_seconds"] < corpus["wall_seconds"]
        assert corpus["citations_per_second"] == pytest.approx(pace, rel=1e-2)
        assert corpus["usd_per_million_citations"] == pytest.approx(0.048 / 3600 / pace * 1e6, rel=1e-2)
        assert corpus["medline_hours"] == pytest.approx(MEDLINE_CITATIONS / pace / 3600, rel=1e-2)
        assert row["cost"] == corpus["usd_per_million_citations"]
    assert told["runs_tonight"]["name"] in {row["model"] for row in told["rows"] if row["front"]}


def test_page_shows_every_variant_and_loads_nothing(told: dict) -> None:
    rows = [dict(row) for row in told["rows"]]
    rows[0]["model"] = "<script>alert(1)</script>"
    page = render_comparison({**told, "rows": rows})
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert not re.search(r"(?:src|href)=|url\(", page)
    assert page.count("<circle") == 2
    assert "Runs tonight" in page


def test_table_marks_the_front_and_names_the_choice(
    variants: tuple[ModelBundle, ...], data: Path, tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    figures = tmp_path / "figures"
    result = compare(variants[1].path, "--data", data, "--repeats", 1, "--html", page, "--figures", figures)
    assert result.exit_code == 0, result.stderr
    assert {path.name for path in figures.iterdir()} == {
        f"{name}.{kind}" for name in ("labels", "pareto", "size", "speed") for kind in ("png", "svg")
    }
    assert f"figures in {figures}: labels, pareto, size, speed" in result.stderr
    assert "dense *" in result.stdout
    assert "runs tonight: dense because" in result.stdout
    assert page.read_text().startswith("<!doctype html>")


@pytest.mark.slow
def test_checkpoint_can_be_the_reference(
    variants: tuple[ModelBundle, ...], data: Path, tmp_path: Path
) -> None:
    from compress.checkpoint import write_checkpoint
    from tests.tiny import tiny_model, tiny_tokenizer

    tokenizer = tiny_tokenizer()
    from tokenizers.processors import TemplateProcessing

    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    write_checkpoint(tmp_path / "checkpoint", tiny_model(tokenizer.get_vocab()), tokenizer)
    result = compare(
        f"torch:{tmp_path / 'checkpoint'}", variants[0].path, "--data", data, "--repeats", 1, "--json"
    )
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["reference"] == "torch:checkpoint"
    assert [row["f1"] for row in told["rows"]] == [pytest.approx(told["rows"][1]["f1"])] * 2
    assert told["rows"][1]["agreement_with_dense"] == 1.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nonesuch", "--data", "DATA"), "unknown model"),
        (("BUNDLE", "BUNDLE", "--data", "DATA"), "the same model twice"),
        (("BUNDLE", "--data", "EMPTY"), "no sentences"),
        (("BUNDLE", "--data", "DATA", "--corpus", "nowhere.xml"), "no such input"),
        (("BUNDLE", "--data", "DATA", "--corpus", "EMPTY"), "EMPTY"),
        (("BUNDLE", "--data", "DATA", "--workers", "2"), "give --corpus INPUT"),
        (("torch:nowhere", "--data", "DATA"), "no checkpoint folder"),
        (("BUNDLE", "--data", "DATA", "--figures", "EMPTY/figures"), "name another folder"),
        (("--data", "DATA"), "Missing argument"),
    ],
)
def test_bad_input_is_one_line(
    arguments: tuple[str, ...],
    message: str,
    variants: tuple[ModelBundle, ...],
    data: Path,
    tmp_path: Path,
) -> None:
    empty = tmp_path / "EMPTY.jsonl"
    empty.write_text("")
    places = {"BUNDLE": str(variants[0].path), "DATA": str(data), "EMPTY": str(empty)}
    words = (re.sub("^[A-Z]+", lambda name: places.get(name[0], name[0]), word) for word in arguments)
    result = compare(*words, "--repeats", 1)
    assert result.exit_code not in (0, 70)
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert message in errors[0]
    assert result.stderr.endswith(errors[0] + "\n")


def test_models_of_other_labels_are_not_compared(variants: tuple[ModelBundle, ...]) -> None:
    one, other = (find_entrant(str(bundle.path)) for bundle in variants)
    with pytest.raises(JobError, match="different labels: got .* differ in DoR"):
        settle_entrants([one, replace(other, labels=(*other.labels, "DoR"))])


def test_same_variant_names_are_told_apart_by_their_folders(variants: tuple[ModelBundle, ...]) -> None:
    one, other = (find_entrant(str(bundle.path)) for bundle in variants)
    twin = replace(other, source=replace(other.source, name="int8"))  # type: ignore[type-var]
    assert [entrant.name for entrant in settle_entrants([one, other])] == ["int8", "dense"]
    assert [entrant.name for entrant in settle_entrants([one, twin])] == [one.name, other.name]


POINTS = st.lists(
    st.tuples(st.floats(0, 1, width=16), st.floats(0.0625, 64, width=16)), min_size=1, max_size=12
).map(lambda pairs: [Point(str(number), f1, cost) for number, (f1, cost) in enumerate(pairs)])


@given(points=POINTS)
def test_front_is_what_cannot_be_bettered(points: list[Point]) -> None:
    on_front = [point for point, is_on in zip(points, find_front(points), strict=True) if is_on]
    assert on_front
    for point in points:
        no_worse = [other for other in on_front if other.f1 >= point.f1 and other.cost <= point.cost]
        assert no_worse, "everything is matched or beaten by the front"
    costs = sorted({(point.cost, point.f1) for point in on_front})
    assert [f1 for _, f1 in costs] == sorted({f1 for _, f1 in costs}), "on the front, dearer is better"


@given(points=POINTS, tolerance=st.floats(0, 1))
def test_choice_is_on_the_front_and_good_enough(points: list[Point], tolerance: float) -> None:
    chosen = choose(points, unit="USD", tolerance=tolerance)
    point = next(point for point in points if point.name == chosen.name)
    assert point.f1 >= max(other.f1 for other in points) - tolerance
    assert find_front(points)[points.index(point)]
    assert not any(
        other.cost < point.cost and other.f1 >= max(p.f1 for p in points) - tolerance for other in points
    )


def test_agreement_counts_exact_spans() -> None:
    (whole,) = [AnnotatedSentence("1", "1", text, ()) for text, _ in SENTENCES[:1]]
    assert f1_of(count_matches([whole.entities], [whole.entities])) == 1.0
    gold = [sentence.entities for sentence in _annotated()]
    shifted = [[replace(span, end=span.end + 1) for span in spans] for spans in gold]
    half = [spans if number % 2 else shifted[number] for number, spans in enumerate(gold)]
    assert f1_of(count_matches(gold, shifted)) == 0.0
    assert f1_of(count_matches(gold, half)) == pytest.approx(4 / 5)
    interval = bootstrap_f1(count_matches(gold, half))
    assert 0 <= interval.low < 4 / 5 < interval.high <= 1


def _annotated() -> list[AnnotatedSentence]:
    from extract.annotations import Span

    return [
        AnnotatedSentence(str(number), str(number), text, tuple(Span(*span) for span in spans))
        for number, (text, spans) in enumerate(SENTENCES)
    ]


def test_picture_puts_cheap_left_and_good_up() -> None:
    def row(model: str, f1: float, cost: float | None, *, front: bool) -> dict[str, object]:
        return {"model": model, "f1": f1, "f1_low": f1, "f1_high": f1, "cost": cost, "front": front}

    rows = [
        row("dense", 0.95, 4.0, front=True),
        row("tiny", 0.9, 0.5, front=True),
        row("torch", 0.9, None, front=False),
    ]
    scatter = scatter_of({"rows": rows, "cost_unit": "USD"})
    places = {dot.text: dot for dot in scatter.dots}
    assert places.keys() == {"dense", "tiny"}
    assert places["tiny"].x < places["dense"].x
    assert places["dense"].y < places["tiny"].y
    assert [text for _, text in scatter.x_ticks] == ["0.5", "1", "2", "5"]
    xs = [float(pair.partition(",")[0]) for pair in scatter.front.split()]
    assert xs == sorted(xs)


def test_missing_matplotlib_is_told_before_anything_is_measured(
    variants: tuple[ModelBundle, ...], data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith(("compress.figures", "matplotlib"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = compare(variants[0].path, "--data", data, "--figures", tmp_path / "figures")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: matplotlib")
    assert "pip install 'extraction-runner[figures]'" in result.stderr
    assert result.stderr.count("\n") == 1
