"""A gated run: what is dropped is counted, a sample of it is tagged, and none of that is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import extract
from compress.gating.gate import write_gate
from extract.bundle import ModelBundle
from extract.gate import Domain, Gate, GateTerms, Triggers
from extract.output import Output
from extract.records import Citation, Field, Section, Sentence
from extract.tagger import Tagged
from jobs.audit import GateAudit
from jobs.errors import SettingsMismatch
from jobs.model import BundleSource, find_model
from tests.corpus import make_citation, write_medline
from tests.faults.auditor import audit, rows_of
from tests.jobs.conftest import RunJob

TERMS = GateTerms(
    domain=Domain({"survival": 1.0}, 1.0, 0),
    triggers=Triggers(stems=("month",), words=("arm",), values=()),
    audit_share=1.0,
)


@pytest.fixture
def gated(tiny_bundle: ModelBundle, tmp_path: Path) -> BundleSource:
    """The tiny model with a gate, which audits all that it drops."""
    return find_model(str(write_gate(tiny_bundle.path, TERMS, tmp_path / "gated").path))


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return write_medline(tmp_path / "in" / "a.xml.gz", [make_citation(pmid) for pmid in range(1, 41)])


def test_audit_of_everything_finds_exactly_what_the_gate_loses(
    run: RunJob, corpus: Path, gated: BundleSource, tmp_path: Path
) -> None:
    full = run(corpus, out=tmp_path / "full").to_dict()
    told = run(corpus, model=gated).to_dict()
    assert audit(tmp_path / "out", [corpus]) == []
    assert 0 < told["entities"] < full["entities"]
    assert told["entities"] + told["gate_audit_entities"] == full["entities"]
    assert told["gate_audited"] == told["sentences_gated_out"] > 0
    assert told["sentences"] == full["sentences"]
    levels = told["gate_audit"]
    assert {name: level["dropped"] > 0 for name, level in levels.items()} == {
        "citation": True,
        "sentence": True,
    }
    for level in levels.values():
        assert level["loss_upper"] >= level["loss"] > 0
    view = extract.open_output(tmp_path / "out")
    assert sum(view.citations.to_table()["n_gated_out"].to_pylist()) == told["sentences_gated_out"]


def test_sample_does_not_depend_on_shards(
    run: RunJob, corpus: Path, tiny_bundle: ModelBundle, tmp_path: Path
) -> None:
    terms = GateTerms(TERMS.domain, TERMS.triggers, audit_share=0.3)
    model = find_model(str(write_gate(tiny_bundle.path, terms, tmp_path / "gated").path))
    one = run(corpus, model=model, out=tmp_path / "one").to_dict()
    two = run(corpus, model=model, out=tmp_path / "two", slice_records=7).to_dict()
    assert 0 < one["gate_audited"] < one["sentences_gated_out"]
    assert one["gate_audit"] == two["gate_audit"]
    assert rows_of(tmp_path / "one") == rows_of(tmp_path / "two")


def test_gate_can_be_switched_off_and_does_not_mix(
    run: RunJob, corpus: Path, gated: BundleSource, tmp_path: Path
) -> None:
    told = run(corpus, model=gated, gate=False).to_dict()
    assert told["sentences_gated_out"] == told["gate_audited"] == 0
    assert told["entities"] == run(corpus, out=tmp_path / "full").to_dict()["entities"]
    with pytest.raises(SettingsMismatch, match="gate"):
        run(corpus, model=gated)


class ChoosyTagger:
    """Fails on every batch with a certain word, as a runtime may."""

    def tag(self, sentences: Sequence[str]) -> Tagged:
        if any("poison" in sentence for sentence in sentences):
            raise RuntimeError("no")
        return Tagged([()] * len(sentences), np.ones(len(sentences), np.int64), n_computed=0)


def test_sentence_that_the_model_fails_on_is_not_audited() -> None:
    text = "good. poison. good. fine."
    part = Field("abstract", text, (Section("abstract", 0, len(text)),))
    citation = Citation("1", 1, 1, 0, (part,))
    sentences = [(part, Sentence(*bounds)) for bounds in ((0, 5), (6, 13), (14, 19), (20, 25))]
    seen = GateAudit()
    seen.note(citation, sentences, Gate(TERMS).judge(citation, sentences), 1.0)
    seen.tag(ChoosyTagger())
    assert (seen.counts["citation_dropped"], seen.counts["citation_audited"]) == (4, 3)


def test_mesh_heading_costs_inference_only_where_it_opens_the_gate(
    run: RunJob, gated: BundleSource, tmp_path: Path
) -> None:
    known = [make_citation(pmid) for pmid in range(1, 21)]
    silent = [made for made in known if "survival" not in (made.title + made.abstract).lower()]
    run(write_medline(tmp_path / "pubmed26n0001.xml.gz", known), model=gated)
    headed = [replace(made, mesh=("Neoplasms",)) for made in known]
    free = run(write_medline(tmp_path / "pubmed26n0002.xml.gz", headed), model=gated)
    assert free.tally.n_carried == len(known)
    opened = [replace(made, mesh=("Survival",)) for made in known]
    again = run(write_medline(tmp_path / "pubmed26n0003.xml.gz", opened), model=gated)
    assert 0 < len(silent) < len(known)
    assert again.tally.n_carried == len(known) - len(silent)
    run(tmp_path / "pubmed26n0003.xml.gz", model=gated, out=tmp_path / "fresh")
    view, fresh = extract.open_output(tmp_path / "out"), extract.open_output(tmp_path / "fresh")
    assert _entities(view) == _entities(fresh)


def _entities(view: Output) -> list[tuple[object, ...]]:
    columns = ["pmid", "start", "end", "label", "text"]
    table = view.entities.to_table(columns=columns)
    return sorted(zip(*(table[name].to_pylist() for name in columns), strict=True))
