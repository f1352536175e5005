"""The gate: what passes, what does not, and that doubt passes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from extract.annotations import read_annotations
from extract.bundle import GATE, MANIFEST, hash_file, identity_sha256, open_bundle
from extract.errors import BundleError
from extract.gate import Domain, Gate, GateTerms, Triggers, domain_scores, lacks_needed, open_gate, parse_gate
from extract.records import Citation, Field, Section, Sentence
from extract.registry import find_bundle
from tests.tiny import build_tiny_bundle

DOMAIN = Domain(terms={"cancer": 0.6, "tumo": 0.6, "chemo": 0.5}, threshold=1.0, shortest=40)
TRIGGERS = Triggers(stems=("surviv",), words=("os", "pfs"), values=("reached",))
TERMS = GateTerms(DOMAIN, TRIGGERS, audit_share=0.01, measured={"dev": {"lost": 0}})
FILLER = "Patients were seen every other week and were asked about their wishes. "


def make_citation(text: str, *, mesh: tuple[str, ...] = ()) -> Citation:
    return Citation("1", 1, 1, 0, (Field("abstract", text, (Section("abstract", 0, len(text)),)),), mesh)


def whole(citation: Citation) -> list[tuple[Field, Sentence]]:
    return [(part, Sentence(0, len(part.text))) for part in citation.fields]


@pytest.mark.parametrize(
    ("sentence", "passes"),
    [
        ("Median survival was 9 months.", True),
        ("SURVIVORS: 9.", True),
        ("Median OS was 9 months.", True),
        ("Median OS24 was high.", True),
        ("OS was not reached.", True),
        ("OS was not preached.", False),
        ("mPFS was 9 months, PFSs differed.", True),
        ("Dose and cost: 9.", False),
        ("The dose was 9 mg.", False),
        ("Survival was long.", False),
        ("Nothing at all", False),
    ],
)
def test_sentence_needs_a_trigger_and_a_value(sentence: str, passes: bool) -> None:
    assert Gate(TERMS).passes(sentence) is passes


@pytest.mark.parametrize(
    ("text", "mesh", "in_domain"),
    [
        (FILLER + "Cancer and chemotherapy.", (), True),
        (FILLER + "Cancer, cancer and cancer.", (), False),
        (FILLER + "Cancer.", ("Brain Tumors",), True),
        (FILLER, (), False),
        ("Too short to tell.", (), True),
        ("Too short to tell.", ("Asthma",), False),
    ],
)
def test_citation_needs_enough_terms_or_doubt(text: str, mesh: tuple[str, ...], in_domain: bool) -> None:
    citation = make_citation(text, mesh=mesh)
    verdict = Gate(TERMS).judge(citation, whole(citation))
    assert verdict.in_domain is in_domain
    assert len(verdict.keep) == 1


@pytest.mark.parametrize(
    ("text", "in_domain"),
    [
        ("Chemotherapy of cancer.", True),
        ("Chemotherapy and tumor necrosis.", False),
        ("Chemotherapy, tumor necrosis and a tumor.", True),
        ("Chemotherapy of tumours.", False),
    ],
)
def test_a_needed_word_counts_only_outside_its_look_alikes(text: str, in_domain: bool) -> None:
    domain = replace(DOMAIN, threshold=0.5, needed=("cancer", "tumor"), look_alikes=("tumor necrosis",))
    citation = make_citation(FILLER + text)
    gate = Gate(replace(TERMS, domain=domain))
    assert gate.judge(citation, whole(citation)).in_domain is in_domain
    assert gate.holds_text(FILLER + text) is in_domain
    assert lacks_needed(domain, [text]) == [not in_domain]


def test_gates_without_needed_words_are_read() -> None:
    data = TERMS.to_dict()
    for name in ("needed", "look_alikes"):
        del data["domain"][name]
    assert parse_gate(data) == TERMS


def test_foreign_citation_keeps_no_sentence() -> None:
    citation = make_citation(FILLER + "Median survival was 9 months.")
    assert Gate(TERMS).judge(citation, whole(citation)).keep == (False,)
    assert Gate(replace(TERMS, domain=None)).judge(citation, whole(citation)).keep == (True,)


def test_without_triggers_every_sentence_of_the_domain_passes() -> None:
    citation = make_citation(FILLER + "Cancer and chemotherapy.")
    assert Gate(replace(TERMS, triggers=None)).keep(citation, whole(citation)) == (True,)


def test_text_that_cannot_be_encoded_passes() -> None:
    citation = make_citation(FILLER + "Half a pair \ud800 of 2.")
    assert Gate(TERMS).keep(citation, whole(citation)) == (True,)


def test_terms_count_once_and_where_they_overlap() -> None:
    domain = Domain({"chemo": 1.0, "chemother": 2.0}, 1.0, 0)
    assert domain_scores(domain, ["Chemotherapy after chemotherapy", "chemo", ""]) == [3.0, 1.0, 0]


def test_terms_survive_json() -> None:
    assert parse_gate(json.loads(json.dumps(TERMS.to_dict()))) == TERMS


@pytest.mark.parametrize(
    "damage",
    [
        {"format": 2},
        {"audit_share": 2},
        {"triggers": {"stems": ["Surviv"], "words": [], "values": []}},
        {"triggers": {"stems": [""], "words": [], "values": []}},
        {"triggers": {"stem": []}},
        {"domain": {"terms": {"a": "x"}, "threshold": 1, "shortest": 0}},
    ],
)
def test_damaged_terms_are_refused(damage: dict[str, object]) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        parse_gate({**TERMS.to_dict(), **damage})


def put_gate(folder: Path, text: str) -> None:
    """Write ``gate.json`` and name it in the manifest."""
    (folder / GATE).write_text(text)
    manifest = json.loads((folder / MANIFEST).read_text())
    entry = hash_file(folder / GATE)
    manifest["files"][GATE] = {"n_bytes": entry.n_bytes, "sha256": entry.sha256}
    (folder / MANIFEST).write_text(json.dumps(manifest))


def test_bundle_has_the_gate_its_manifest_names(tmp_path: Path) -> None:
    plain = build_tiny_bundle(tmp_path / "int8")
    assert open_gate(plain) is None
    put_gate(plain.path, json.dumps(TERMS.to_dict()))
    gated = open_bundle(plain.path)
    gate = open_gate(gated)
    assert gate is not None
    assert gate.terms == TERMS
    assert gated.sha256 != plain.sha256
    assert identity_sha256(plain.to_dict()) == plain.sha256
    put_gate(plain.path, "[]")
    with pytest.raises(BundleError, match="malformed gate"):
        open_gate(open_bundle(plain.path))
    (plain.path / GATE).write_text("{}")
    with pytest.raises(BundleError, match="model_hash_mismatch"):
        open_bundle(plain.path)


def test_the_embedded_gate_keeps_what_was_written_after_it(repository: Path) -> None:
    """Half a per cent at most of the entities in hard sentences that no gate has learned from."""
    gate = open_gate(open_bundle(find_bundle("pruned25-int8")))
    assert gate is not None
    sentences = read_annotations(repository / "examples" / "endpoints" / "authored-hard.jsonl")
    total = sum(len(sentence.entities) for sentence in sentences)
    lost = sum(len(sentence.entities) for sentence in sentences if not gate.passes(sentence.text))
    assert total > 3900
    assert lost <= 0.005 * total
