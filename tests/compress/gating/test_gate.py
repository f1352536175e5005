"""Building a gate: terms from data, losses measured, a bundle that has it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from compress.errors import CompressError
from compress.gating.gate import GateConfig, build_gate
from compress.gating.judged import digest_of, read_judged
from compress.gating.loss import Fit, cross_validate, loss_on
from compress.gating.terms import fit_domain, fit_triggers
from compress.gating.text import Document, read_documents
from compress.gating.words import GateWords, read_words
from extract.annotations import AnnotatedSentence, Span
from extract.gate import Gate, GateTerms, domain_scores, open_gate
from extract.records import Citation, Field, Section, Sentence
from tests.tiny import build_tiny_bundle

N_DOCS = 40
SITES = ("breast", "lung", "colon", "liver")
OTHERS = ("asthma", "malaria", "stroke", "anxiety")


def head_of(number: int) -> str:
    """Every other document is of the domain."""
    site, other = SITES[number // 2 % 4], OTHERS[number // 2 % 4]
    inside = f"Patients with {site} cancer had tumours. Chemotherapy was given to {number} of them."
    return inside if number % 2 else f"Patients with {other} were seen at home. Advice was given to {number}."


def labelled(number: int, text: str, value: str | None) -> AnnotatedSentence:
    start = text.index(value) if value else 0
    spans = (Span(start, start + len(value), "OS"),) if value else ()
    return AnnotatedSentence(f"s{number}", f"d{number}", text, spans)


SENTENCES = [
    labelled(n, f"Median survival was {n + 10} months.", f"{n + 10} months") for n in range(1, N_DOCS, 2)
] + [labelled(n, f"The dose was {n} mg.", None) for n in range(0, N_DOCS, 2)]


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A labelled folder and a text file, as `extract models gate` takes them."""
    folder = tmp_path / "data"
    folder.mkdir()
    for name in ("train", "dev"):
        rows = [
            {
                "id": s.id,
                "doc": s.doc,
                "text": s.text,
                "entities": [{"start": e.start, "end": e.end, "label": e.label} for e in s.entities],
            }
            for s in SENTENCES
        ]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    articles = [
        {"doc": f"d{n}", "paragraphs": [head_of(n), f"Survival was {n + 10} months."]} for n in range(N_DOCS)
    ]
    (tmp_path / "text.jsonl").write_text("".join(json.dumps(article) + "\n" for article in articles))
    return folder


def test_domain_is_told_by_its_own_words() -> None:
    known = np.array([number % 2 == 1 for number in range(N_DOCS)])
    fitted = fit_domain([head_of(number) for number in range(N_DOCS)], known)
    assert (fitted.held_out_scores[known] >= 1).all()
    assert (fitted.held_out_scores[~known] < 1).all()
    inside, outside = domain_scores(
        fitted.domain, ["New chemotherapy in thyroid cancer, tumours", "Patients with gout were seen"]
    )
    assert outside < fitted.domain.threshold <= inside


def test_domain_needs_known_documents() -> None:
    with pytest.raises(CompressError, match="too few documents"):
        fit_domain([head_of(number) for number in range(N_DOCS)], np.zeros(N_DOCS, bool))


def test_triggers_cover_sentences_with_an_entity_and_spare_the_rest() -> None:
    triggers = fit_triggers(SENTENCES, ["A weight of 70 kg.", *["Median age was 50."] * 9])
    gate = Gate(GateTerms(None, triggers, 0.0))
    assert loss_on(gate, SENTENCES).lost == 0
    assert not gate.passes("The dose was 9 mg.")
    assert "median" not in (*triggers.stems, *triggers.words)


def test_values_are_the_words_of_entities_without_digits() -> None:
    sentence = labelled(1, "Median survival was not reached.", "not reached")
    assert fit_triggers([sentence], []).values == ("not", "reached")


def fit_on_triggers(words: GateWords) -> Fit:
    return lambda rows, _: Gate(GateTerms(None, fit_triggers(rows, [], words), 0.0))


def test_cross_validation_counts_what_unseen_documents_lose() -> None:
    odd = labelled(999, "Lived for 7.", "7")
    loss = cross_validate([*SENTENCES, odd], [], [], fit_on_triggers(GateWords()))["cross_validation"]
    assert (loss.entities, loss.lost) == (N_DOCS // 2 + 1, 1)
    assert loss.examples == (odd.text,)
    assert loss.upper > loss.lost / loss.entities
    given = fit_on_triggers(GateWords(stems=("lived",)))
    assert cross_validate([*SENTENCES, odd], [], [], given)["cross_validation"].lost == 0


def judge(path: Path, doc: str, text: str, *truths: bool) -> None:
    """Add a sentence to a list of judged finds."""
    finds = [{"start": 0, "end": 1, "label": "OS", "true": truth} for truth in truths]
    with path.open("a") as stream:
        stream.write(json.dumps({"doc": doc, "sentence": digest_of(text), "finds": finds}) + "\n")


def test_judged_finds_are_lost_by_either_level_of_a_gate_made_without_their_document(tmp_path: Path) -> None:
    path = tmp_path / "judged.jsonl"
    for doc, text, truths in (
        ("d1", "Survival was 11 months.", (True, True)),
        ("d3", "They lived for 3 weeks.", (True, False)),
        ("d2", "Survival was 12 months.", (True,)),
        ("elsewhere", "Survival was 12 months.", (True,)),
    ):
        judge(path, doc, text, *truths)
    texts = {1: "Survival was 11 months.", 3: "They lived for 3 weeks.", 2: "Survival was 12 months."}
    documents = [
        Document(f"d{n}", (head_of(n), texts.get(n, "No more was seen.")), head_of(n)) for n in range(N_DOCS)
    ]

    def fit(rows: Sequence[AnnotatedSentence], given: Sequence[Document]) -> Gate:
        known = np.array([int(document.id[1:]) % 2 == 1 for document in given])
        domain = fit_domain([document.head for document in given], known).domain
        return Gate(GateTerms(domain, fit_triggers(rows, []), 0.0))

    losses = cross_validate(SENTENCES, documents, read_judged(path), fit)
    assert (losses["judged"].entities, losses["judged"].lost) == (4, 2)
    assert (losses["judged_raw"].entities, losses["judged_raw"].lost) == (5, 3)
    assert set(losses["judged"].examples) == {texts[3], texts[2]}
    assert losses["whole"].entities == 4 + N_DOCS // 2
    assert losses["articles"].entities == losses["cross_validation"].entities == N_DOCS // 2


@pytest.mark.parametrize("text", ["{", '{"doc": "a"}', '{"doc": "a", "sentence": "0", "finds": []}'])
def test_judged_finds_of_another_form_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "judged.jsonl").write_text(text)
    with pytest.raises(CompressError, match="judged finds cannot be read"):
        read_judged(tmp_path / "judged.jsonl")


def test_given_words_are_needed_besides() -> None:
    known = np.array([number % 2 == 1 for number in range(N_DOCS)])
    heads = [head_of(number) for number in range(N_DOCS)]
    words = GateWords(domain=("tumour",), look_alikes=("tumours of joy",))
    fitted = fit_domain(heads, known, words)
    assert (fitted.held_out_scores[known] >= 1).all()
    scores = domain_scores(
        fitted.domain,
        [
            "Breast cancer, tumours. Chemotherapy",
            "Breast cancer. Chemotherapy",
            "Cancer: tumours of joy. Chemo",
        ],
    )
    assert scores[0] >= 1
    assert scores[1:] == [0, 0]


def test_words_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "words.json"
    path.write_text('{"domain": ["cancer"], "stems": ["surviv"]}')
    assert read_words(path) == GateWords(domain=("cancer",), stems=("surviv",))


@pytest.mark.parametrize("text", ["[]", '{"domain": ["Cancer"]}', '{"domain": [""]}', '{"domains": []}'])
def test_words_of_another_form_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "words.json").write_text(text)
    with pytest.raises(CompressError, match="words cannot be read"):
        read_words(tmp_path / "words.json")


def test_a_gate_is_built_measured_and_put_into_a_copy(tmp_path: Path, data_dir: Path) -> None:
    plain = build_tiny_bundle(tmp_path / "int8")
    notes: list[str] = []
    config = GateConfig(
        bundle=plain.path, data_dir=data_dir, text=(tmp_path / "text.jsonl",), target=tmp_path / "gated"
    )
    gated = build_gate(config, report=notes.append)
    assert gated.path == tmp_path / "gated"
    assert not (plain.path / "gate.json").exists()
    gate = open_gate(gated)
    assert gate is not None
    measured = gate.terms.measured
    assert measured["dev"]["lost"] == measured["cross_validation"]["lost"] == 0
    assert measured["domain"]["known_missed"] == 0
    assert measured["text"]["entities"] > 0
    assert measured["text"]["upper_95"] >= measured["text"]["share"]
    text = f"{head_of(3)} {'So it went on. ' * 40}"
    citation = Citation("1", 1, 1, 0, (Field("abstract", text, (Section("a", 0, len(text)),)),))
    part = citation.fields[0]
    assert gate.judge(citation, [(part, Sentence(0, 20))]).in_domain
    assert "documents" in notes[0]


def test_a_gate_is_put_into_the_bundle_itself_again_and_again(tmp_path: Path, data_dir: Path) -> None:
    plain = build_tiny_bundle(tmp_path / "int8")
    config = GateConfig(
        bundle=plain.path, data_dir=data_dir, text=(tmp_path / "text.jsonl",), with_domain=False
    )
    card = plain.path / "README.md"
    card.write_text(f"| identity | sha256 `{plain.sha256}` |\n\nWritten by hand.\n", "utf-8")
    first = build_gate(config, report=lambda _: None)
    assert first.sha256 != plain.sha256
    assert first.sha256 in card.read_text("utf-8"), "the card names the identity"
    assert plain.sha256 not in card.read_text("utf-8")
    assert "Written by hand." in card.read_text("utf-8")
    assert build_gate(config, report=lambda _: None).sha256 == first.sha256
    gate = open_gate(first)
    assert gate is not None
    assert gate.terms.domain is None


def test_text_may_be_any_input_of_a_run(tmp_path: Path) -> None:
    path = tmp_path / "input.jsonl"
    path.write_text('{"id": "a", "title": "One. Two.", "abstract": "Three is 3. Four."}\n')
    (document,) = read_documents([path])
    assert document.sentences == ["One.", "Two.", "Three is 3.", "Four."]
    assert document.head == "One. Two.\nThree is 3. Four."


def test_text_of_another_form_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "input.jsonl"
    path.write_text("plain words\n")
    with pytest.raises(CompressError, match="text cannot be read"):
        read_documents([path])
