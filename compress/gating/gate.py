"""Responsible for building a gate: learn its terms, measure what they lose, put it into a bundle."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from compress.building.card import write_identity
from compress.errors import CompressError
from compress.files import replace_text
from compress.gating.judged import read_judged
from compress.gating.loss import Loss, cross_validate, loss_on, loss_on_text, pass_rate, take_sentences
from compress.gating.terms import FittedDomain, Mask, fit_domain, fit_triggers, safety_of
from compress.gating.text import Document, read_documents, shuffled
from compress.gating.words import NO_WORDS, read_words
from extract.annotations import AnnotatedSentence, find_split, read_annotations
from extract.bundle import GATE, MANIFEST, ModelBundle, hash_file, open_bundle
from extract.gate import Domain, Gate, GateTerms, domain_scores
from extract.tagger import Tagger, open_tagger

AUDIT_SHARE = 0.005
BACKGROUND = 5_000
"""Unlabelled sentences with a number, of documents of any domain, for what a trigger passes."""


@dataclass(frozen=True)
class GateConfig:
    """What a gate is built from."""

    bundle: Path
    data_dir: Path
    """Folder with train, and perhaps dev and test files."""
    text: tuple[Path, ...]
    """Unlabelled text; it should hold the documents of the labelled sentences, among many others."""
    also: tuple[Path, ...] = ()
    """More annotated files to learn from."""
    target: Path | None = None
    """Folder of a gated copy; None to put the gate into the bundle itself."""
    words: Path | None = None
    """Words given besides those learned."""
    judged: Path | None = None
    """Finds in the unlabelled text that a person has judged."""
    with_domain: bool = True
    """Whether citations are gated too."""
    text_sentences: int = 30_000
    """Sentences of the domain surely of the domain that the model tags to measure the loss."""


def build_gate(config: GateConfig, *, report: Callable[[str], None]) -> ModelBundle:
    """Build a bundle's gate, measure it, and return the gated bundle.

    :raises CompressError: when the data cannot tell what a gate needs, or the target cannot be written.
    """
    tagger = open_tagger(open_bundle(config.bundle))
    learned, splits = _read_labelled(config)
    documents = shuffled(read_documents(config.text))
    report(f"{len(learned)} labelled sentences, {len(documents)} documents")
    builder = _Builder(config, tagger, learned, documents, report)
    terms = builder.build()
    gate = Gate(terms)
    measured = {**builder.measured, **{name: loss_on(gate, rows).to_dict() for name, rows in splits.items()}}
    return write_gate(config.bundle, replace(terms, measured=measured), config.target)


def _read_labelled(
    config: GateConfig,
) -> tuple[list[AnnotatedSentence], dict[str, list[AnnotatedSentence]]]:
    """The sentences to learn from, and those of the other splits."""
    train = find_split(config.data_dir, "train")
    if train is None:
        raise CompressError("no train file", str(config.data_dir), advice="see docs/gate.md")
    learned = [row for path in (train, *config.also) for row in read_annotations(path)]
    found = {name: find_split(config.data_dir, name) for name in ("dev", "test")}
    return learned, {name: read_annotations(path) for name, path in found.items() if path is not None}


class _Builder:
    """The steps in order; what they measure gathers in ``measured``."""

    def __init__(
        self,
        config: GateConfig,
        tagger: Tagger,
        learned: list[AnnotatedSentence],
        documents: list[Document],
        report: Callable[[str], None],
    ) -> None:
        self._config = config
        self._tagger = tagger
        self._learned = learned
        self._documents = documents
        self._report = report
        self._words = read_words(config.words) if config.words else NO_WORDS
        self.measured: dict[str, Any] = {}

    def build(self) -> GateTerms:
        judged = read_judged(self._config.judged) if self._config.judged else []
        folds = cross_validate(self._learned, self._documents, judged, lambda *data: Gate(self._fit(*data)))
        for name, loss in folds.items():
            if loss.entities:
                self._note(name, loss)
        terms = self._fit(self._learned, self._documents, whole=True)
        held_out = [entry for entry in self._inside(terms.domain) if entry.is_held_out]
        self._measure_text(Gate(terms), held_out)
        return terms

    def _fit(
        self, sentences: Sequence[AnnotatedSentence], documents: Sequence[Document], *, whole: bool = False
    ) -> GateTerms:
        """A gate of part of the data, or of the whole, which is told of."""
        domain = None
        if self._config.with_domain and documents:
            known_ids = {sentence.doc for sentence in sentences if sentence.entities}
            known = np.array([document.id in known_ids for document in documents])
            fitted = fit_domain([document.head for document in documents], known, self._words)
            domain = fitted.domain
            if whole:
                self._note_domain(fitted, known)
        building = [document for document in documents if not document.is_held_out]
        background = _with_number(take_sentences(building, 3 * BACKGROUND))[:BACKGROUND]
        return GateTerms(domain, fit_triggers(sentences, background, self._words), AUDIT_SHARE)

    def _note_domain(self, fitted: FittedDomain, known: Mask) -> None:
        scores = fitted.held_out_scores
        missed = int((scores[known] < 1).sum())
        passed = float((scores >= 1).mean())
        self._report(
            f"domain: {len(fitted.domain.terms)} terms; {missed} of {int(known.sum())} known documents "
            f"missed when held out, {passed:.1%} of all documents pass"
        )
        self.measured["domain"] = {
            "documents": len(scores),
            "known": int(known.sum()),
            "known_missed": missed,
            "pass_rate": round(passed, 4),
        }

    def _inside(self, domain: Domain | None) -> list[Document]:
        """The documents that are surely of the domain: they score what all known ones reach."""
        if domain is None:
            return self._documents
        scores = domain_scores(domain, [document.head for document in self._documents])
        pairs = zip(self._documents, scores, strict=True)
        reached = domain.threshold / safety_of(self._words)
        return [document for document, score in pairs if score >= reached]

    def _measure_text(self, gate: Gate, documents: Sequence[Document]) -> None:
        labelled = {_letters(sentence.text) for sentence in self._learned}
        sentences = [
            sentence
            for sentence in take_sentences(documents, self._config.text_sentences)
            if _letters(sentence) not in labelled
        ][: self._config.text_sentences]
        if not sentences:
            return
        self._note("text", loss_on_text(gate, self._tagger, sentences))
        self.measured["text"] |= {
            "sentences": len(sentences),
            "pass_rate": round(pass_rate(gate, sentences), 4),
            "files": [path.name for path in self._config.text],
        }

    def _note(self, name: str, loss: Loss) -> None:
        self.measured[name] = loss.to_dict()
        self._report(
            f"{name}: {loss.lost} of {loss.entities} entities lost, at most {loss.upper:.3%} (95 % bound)"
        )
        for example in loss.examples[:10]:
            self._report(f"  lost: {example}")


def _letters(text: str) -> str:
    """What is left of a sentence when it is typeset otherwise: its letters and digits."""
    return "".join(filter(str.isalnum, text))


def _with_number(sentences: Sequence[str]) -> list[str]:
    return [sentence for sentence in sentences if any(map(str.isdigit, sentence))]


def write_gate(bundle_dir: Path, terms: GateTerms, target: Path | None) -> ModelBundle:
    """Put a gate into a bundle's folder, or into a copy of it, and open the result.

    :raises CompressError: when the folder cannot be written.
    """
    with _folder_to_write(bundle_dir, target) as folder:
        replace_text(folder / GATE, json.dumps(terms.to_dict(), indent=1, ensure_ascii=False) + "\n")
        bundle_files = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        entry = hash_file(folder / GATE)
        bundle_files["files"][GATE] = {"n_bytes": entry.n_bytes, "sha256": entry.sha256}
        replace_text(folder / MANIFEST, json.dumps(bundle_files, indent=1, ensure_ascii=False) + "\n")
        write_identity(open_bundle(folder))
    return open_bundle(target or bundle_dir)


@contextmanager
def _folder_to_write(bundle_dir: Path, target: Path | None) -> Iterator[Path]:
    if target is None:
        try:
            yield bundle_dir
        except OSError as exc:
            raise CompressError("cannot write", str(bundle_dir), str(exc), advice="use --to DIR") from exc
        return
    from compress.building.publish import published

    with published(target) as staging:
        shutil.copytree(bundle_dir, staging, dirs_exist_ok=True)
        yield staging
