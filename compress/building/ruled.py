"""Responsible for giving a finished bundle rules of mentions, without making its model again.

Rules are data of the bundle: the graph and its golden answers stay, what is read off them changes. So the
bundle gets another identity, and its scores are measured anew beside its dense model's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from compress.building.build import BuildConfig, Report, Stage, examine_dense, scores_of
from compress.building.card import write_card
from compress.building.promotion import examine
from compress.building.publish import write_manifest
from compress.checkpoint import read_checkpoint
from compress.data import read_data
from compress.errors import CompressError
from extract.bundle import ModelBundle, open_bundle
from extract.rules import MentionRules
from extract.tagger import open_tagger


def give_rules(
    folder: Path,
    rules: MentionRules,
    *,
    dense: str,
    data: Path,
    read_off: Sequence[str] = (),
    report: Report = lambda line: None,
) -> ModelBundle:
    """Write ``rules`` into the bundle in ``folder``, with the scores and the card that it then has.

    :param dense: the checkpoint that the bundle was made of, scored with the same rules.
    :param data: as of a build: folder with ``test`` or ``dev``.
    :param read_off: what the rules are from, for the lineage.
    :raises BundleError: there is no sound bundle.
    :raises AnnotationError, CompressError: checkpoint or data cannot be read, or the folder not written.
    """
    bundle = open_bundle(folder)
    reading = replace(bundle.reading, rules=rules)
    held_out = read_data(data)
    report(f"scoring {dense} on {held_out.held_out_path.name}")
    model, tokenizer = read_checkpoint(dense)
    if model.config.labels != bundle.tags:
        raise CompressError("the checkpoint has other labels", dense, "", f"those of {bundle.name}")
    config = BuildConfig(
        name="dense",
        checkpoint=dense,
        data=data,
        target=folder,
        min_score=reading.min_score,
        rules=rules,
        max_tokens=reading.max_tokens,
        overlap=reading.overlap,
    )
    reference = examine_dense(config, Stage(model, 0.0, ()), tokenizer, held_out)
    report(f"scoring {bundle.name} on {held_out.held_out_path.name}")
    ruled = replace(bundle, reading=reading)
    examined = examine(open_tagger(ruled), held_out.held_out)
    pace = bundle.scores.get("tokens_per_second")
    scores = scores_of(examined, reference, held_out.held_out_path, tokens_per_second=pace)
    step = {"step": "rules", "data": list(read_off), "labels": len(rules.labels)}
    try:
        write_manifest(replace(ruled, scores=scores, lineage=(*bundle.lineage, step)))
        ruled = open_bundle(folder)
        write_card(ruled)
    except OSError as exc:
        raise CompressError("cannot write", str(folder), str(exc), "a folder of yours") from exc
    return ruled
