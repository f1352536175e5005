"""Responsible for making and judging one model of a sweep.

Each goes through the steps of :mod:`compress.building.build` and is scored as a bundle by the code that runs
in production, so that a build of the same settings gives the same model and the same scores.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from tokenizers import Tokenizer

from compress.building.build import (
    BuildConfig,
    Stage,
    draft_of,
    encode_training,
    fit_window,
    lesson_of,
    lineage_of,
    pruned_stage,
    quantise,
    scores_of,
)
from compress.building.card import write_card
from compress.building.lesson import Lesson
from compress.building.promotion import Examined, exact_numbers
from compress.building.publish import Draft, published, write_draft, write_manifest
from compress.building.rules import derive_rules
from compress.data import Data
from compress.encoder import TokenClassifier
from compress.pruning.iterate import PrunedModel
from compress.pruning.methods.method import Task, find_method
from compress.pruning.recall import Recall
from compress.sweeping.pace import Pace, Race
from compress.sweeping.plan import DENSE_CELL, Cell, SweepConfig, prune_config
from compress.sweeping.results import DENSE, LinearBytes, SweepRow
from extract.agreement import count_matches, f1_of
from extract.bundle import ModelBundle
from extract.memory import peak_rss_bytes, reset_peak_rss
from extract.records import Mention
from extract.score import score_mentions
from extract.tagger import Tagger, open_tagger
from extract.variants import parse_variant

BUNDLES = "bundles"
"""Folder of the bundles that are kept, inside the sweep's."""


@dataclass(frozen=True)
class Made:
    """A model as it came out of a method, in fp32."""

    config: BuildConfig
    """What a build of it would be told."""
    cell: Cell
    pruned: PrunedModel
    seconds: float


@dataclass(frozen=True)
class _Seen:
    """What a model did on the sentences that are scored on."""

    found: list[tuple[Mention, ...]]
    examined: Examined
    pace: Pace | None


@dataclass(frozen=True)
class _Dense:
    """The dense model as others are held against it."""

    tagger: Tagger
    race: Race | None
    seen: _Seen


class Bench:
    """Where the models of a sweep are made and judged, one at a time, with what they have in common."""

    def __init__(self, config: SweepConfig, data: Data, model: TokenClassifier, tokenizer: Tokenizer) -> None:
        """:raises DataError: the training data has labels that the model does not know."""
        self.data = data
        self._config = config
        self._tokenizer = tokenizer
        self._texts = [sentence.text for sentence in data.held_out]
        self._stage = Stage(model, 0.0, lineage_of(config.checkpoint))
        self._settings = fit_window(
            BuildConfig(
                name=DENSE,
                checkpoint=config.checkpoint,
                data=config.data,
                target=config.target,
                max_tokens=config.max_tokens,
                overlap=config.overlap,
                min_score=config.min_score,
                rules=derive_rules(data.train),
                reader=config.reader,
            ),
            model,
        )
        self._features = encode_training(self._build_config(DENSE_CELL), model, tokenizer, data)
        self._recall = Recall(model)
        self._lesson: Lesson | None = None
        self._dense: _Dense | None = None

    def open_dense(self, folder: Path) -> None:
        """Score the dense model, and read what it is to teach, once for all.

        Its files lie in ``folder`` until the last model is judged.
        """
        draft = draft_of(self._build_config(DENSE_CELL), self._stage, self._tokenizer, None)
        tagger = open_tagger(write_draft(folder, draft))
        race = Race(tagger, self._texts) if self._config.speed else None
        self._dense = _Dense(tagger, race, self._look(tagger, race))
        if reader := self._config.reader:
            dense = self._stage.model
            self._lesson = lesson_of(self._settings, reader, dense, self._features, self._tokenizer)

    def make(self, cell: Cell) -> Made:
        """The model that a method makes of the dense one.

        :raises BudgetError: the method cannot remove that share.
        """
        config = self._build_config(cell)
        reset_peak_rss()
        if cell == DENSE_CELL:
            return Made(config, cell, PrunedModel(self._stage.model, 0.0), 0.0)
        started = time.perf_counter()
        task = Task(self._stage.model, self._features, cell.share / 100, config.prune, recall=self._recall)
        pruned = find_method(cell.method).compress(task)
        if lesson := self._lesson_for(cell):
            pruned = replace(pruned, model=lesson.teach(pruned.model, self._stage.model))
        return Made(config, cell, pruned, time.perf_counter() - started)

    def judge(self, made: Made, *, int8: bool) -> SweepRow:
        """Write a model as a bundle, score it, and keep the bundle if the sweep keeps them."""
        dense = self._dense
        if dense is None:
            raise RuntimeError("open_dense comes first")
        started = time.perf_counter()
        draft = self._draft(made, int8=int8)
        with self._placed(draft, made.cell) as folder:
            bundle = write_draft(folder, draft)
            seconds = made.seconds + time.perf_counter() - started
            peak = peak_rss_bytes()
            is_dense = made.cell == DENSE_CELL and not int8
            seen = dense.seen if is_dense else self._look(open_tagger(bundle), dense.race)
            if self._config.keep:
                self._complete(bundle, dense, seen)
        agreement = f1_of(count_matches(dense.seen.found, seen.found))
        return _row(made, bundle, seen, int8=int8, agreement=agreement, seconds=seconds, peak=peak)

    def _build_config(self, cell: Cell) -> BuildConfig:
        """What ``extract models build`` would be told for this model in fp32."""
        if cell == DENSE_CELL:
            return self._settings
        method = find_method(cell.method)
        return replace(
            self._settings,
            name=_variant_name(cell, int8=False),
            method=method.name,
            prune=prune_config(self._config, method, cell.seed),
        )

    def _draft(self, made: Made, *, int8: bool) -> Draft:
        name = _variant_name(made.cell, int8=int8)
        config, variant = replace(made.config, name=name), parse_variant(name)
        stage = self._stage
        if made.cell != DENSE_CELL:
            stage = pruned_stage(config, variant, stage, made.pruned)
            if lesson := self._lesson_for(made.cell):
                stage = replace(stage, lineage=(*stage.lineage, lesson.step))
        quantised = quantise(config, stage.model, self._features, integer_only=False) if int8 else None
        return draft_of(config, stage, self._tokenizer, quantised)

    def _lesson_for(self, cell: Cell) -> Lesson | None:
        return self._lesson and self._lesson.drawn_by(cell.seed or 0)

    @contextmanager
    def _placed(self, draft: Draft, cell: Cell) -> Iterator[Path]:
        """Where a bundle's files go: a folder that stays, or one that goes when the block ends."""
        if not self._config.keep:
            with TemporaryDirectory() as folder:
                yield Path(folder)
            return
        target = self._config.target / BUNDLES / _bundle_name(draft.name, cell)
        # Without a row, as here, it is what an interrupted sweep left.
        shutil.rmtree(target, ignore_errors=True)
        with published(target) as folder:
            yield folder

    def _look(self, tagger: Tagger, race: Race | None) -> _Seen:
        found = tagger.tag(self._texts).mentions
        held_out = self.data.held_out
        examined = Examined(score_mentions(held_out, found), *exact_numbers(held_out, found))
        return _Seen(found, examined, race.time(tagger) if race else None)

    def _complete(self, bundle: ModelBundle, dense: _Dense, seen: _Seen) -> None:
        """Scores and card, as a build writes them."""
        pace = seen.pace.best if seen.pace else None
        scores = scores_of(
            seen.examined, dense.seen.examined, self.data.held_out_path, tokens_per_second=pace
        )
        bundle = replace(bundle, scores=scores)
        write_manifest(bundle)
        write_card(bundle)


def _variant_name(cell: Cell, *, int8: bool) -> str:
    if cell == DENSE_CELL:
        return "int8" if int8 else DENSE
    return f"pruned{cell.share}" + ("-int8" if int8 else "")


def _bundle_name(variant: str, cell: Cell) -> str:
    method = () if cell == DENSE_CELL else (cell.method,)
    seed = () if cell.seed is None else (f"seed{cell.seed}",)
    return "-".join((*method, variant, *seed))


def _row(
    made: Made,
    bundle: ModelBundle,
    seen: _Seen,
    *,
    int8: bool,
    agreement: float,
    seconds: float,
    peak: int,
) -> SweepRow:
    cell, pruned, scores, pace = made.cell, made.pruned, seen.examined.scores, seen.pace
    sizes = next((step["linear_bytes"] for step in bundle.lineage if "linear_bytes" in step), None)
    return SweepRow(
        method=cell.method,
        share=cell.share / 100,
        seed=cell.seed,
        int8=int8,
        steps=made.config.prune.steps if cell != DENSE_CELL else 0,
        macs_removed=pruned.macs_removed,
        weights_zeroed=pruned.weights_zeroed,
        heads_per_layer=pruned.heads_per_layer,
        neurons_per_layer=pruned.neurons_per_layer,
        f1=scores.f1,
        precision=scores.precision,
        recall=scores.recall,
        accuracy=scores.accuracy,
        per_label=scores.per_label,
        agreement=agreement,
        bytes=bundle.n_bytes,
        linear_bytes=None if sizes is None else LinearBytes(**sizes),
        tokens_per_second=pace.tokens_per_second if pace else None,
        best_tokens_per_second=pace.best if pace else None,
        speed_vs_dense=pace.relative if pace else None,
        build_seconds=round(seconds, 3),
        peak_rss_bytes=peak,
    )
