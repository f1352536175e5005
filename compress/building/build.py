"""Responsible for the compression stage as a whole: from a fine-tuned checkpoint to a model bundle.

Steps, in order: read the checkpoint, prune, calibrate, emit, score, publish. A bundle appears whole or
not at all.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import onnx
import torch
from tokenizers import Tokenizer
from torch import Tensor

from compress.bases import name_of_base
from compress.building.card import write_card
from compress.building.lesson import Lesson, Reader, read_lesson
from compress.building.promotion import Examined, examine, judge
from compress.building.publish import Draft, published, write_draft, write_manifest
from compress.building.rules import derive_rules
from compress.building.wishes import check_lesson, check_method
from compress.checkpoint import read_checkpoint, read_history
from compress.data import Data, read_data
from compress.encoder import TokenClassifier
from compress.errors import DataError
from compress.features import Features, encode_sentences, special_ids
from compress.graphs.calibrate import calibrate
from compress.graphs.emit import emit
from compress.graphs.integer import emit_integers, measure_scales
from compress.pruning.iterate import PruneConfig, PrunedModel
from compress.pruning.methods.method import DEFAULT_METHOD, Task, find_method
from compress.pruning.sparsity import stored_sizes
from extract.annotations import labels_of
from extract.bundle import ModelBundle, Reading, hash_file, open_bundle
from extract.rules import NO_RULES, MentionRules
from extract.tagger import Tagger, open_tagger
from extract.variants import Variant, parse_variant

Report = Callable[[str], None]
Step = Mapping[str, Any]

SPEED_ROUNDS = 3


@dataclass(frozen=True)
class BuildConfig:
    """What to build, from what, to where."""

    name: str
    """Variant name: it says how much to prune and whether to quantise."""
    checkpoint: str
    """Folder or hub id of a fine-tuned token classifier."""
    data: Path
    """Folder with ``train``, on which pruning and scales are calibrated, and ``test`` or ``dev`` to score on;
    or one annotated file."""
    target: Path
    """The bundle's folder; must not exist."""
    method: str = DEFAULT_METHOD
    """How it is made smaller, one of :data:`compress.pruning.methods.method.METHODS`."""
    prune: PruneConfig = PruneConfig()
    """Settings of the method; see :meth:`compress.pruning.methods.method.Method.configure`."""
    time_share: float | None = None
    """Measured int8 time that may remain, of the dense model's, 0 to 1; None: MACs alone are the budget."""
    reader: Reader | None = None
    """Distillation from the dense model afterwards, over text and the training sentences; None: none."""
    max_tokens: int = 256
    """Longest window in tokens, the two special ones included."""
    overlap: int = 64
    """Tokens shared by neighbouring windows of a longer sentence."""
    min_score: float = 0.0
    """Mentions with a lower score are left out, 0 to 1; to be chosen on dev data."""
    rules: MentionRules | None = None
    """What mentions look like; None: read off the training annotations (:mod:`compress.building.rules`)."""
    calibration_windows: int = 600
    """Training windows that activation scales are chosen on."""


@dataclass(frozen=True)
class Stage:
    """A model on its way through the steps."""

    model: TokenClassifier
    macs_removed: float
    """Share of the dense encoder's linear MACs that is gone, 0 to 1."""
    lineage: tuple[Step, ...]


def build(config: BuildConfig, report: Report = lambda line: None) -> ModelBundle:
    """Build one variant and publish it as a bundle. Where an error is raised, nothing is written.

    :param report: told one line as each step begins.
    :raises UnknownModel: the name is no variant name.
    :raises AnnotationError: there is no data to calibrate or to score on.
    :raises CompressError: the checkpoint, the data or the budget does not fit, or the target exists.
    """
    variant = parse_variant(config.name)
    check_method(variant, config.method, config.time_share)
    if config.reader is not None:
        check_lesson(variant, config.method, config.reader.text)
    data = read_data(config.data)
    if config.rules is None:
        config = replace(config, rules=derive_rules(data.train))
    with published(config.target) as folder:
        report(f"reading {config.checkpoint}")
        model, tokenizer = read_checkpoint(config.checkpoint)
        config = fit_window(config, model)
        features = encode_training(config, model, tokenizer, data)
        dense = Stage(model, 0.0, lineage_of(config.checkpoint))
        report(f"scoring the dense model on {data.held_out_path.name}")
        reference = examine_dense(config, dense, tokenizer, data)
        stage = _prune(config, variant, dense, features, report)
        stage = _distil(config, stage, dense, features, tokenizer, report)
        report("writing the model" + (" in int8" if variant.int8 else ""))
        quantised = None
        if variant.int8:
            quantised = quantise(config, stage.model, features, integer_only=variant.integer_only)
        draft = draft_of(config, stage, tokenizer, quantised)
        bundle = write_draft(folder, draft)
        report(f"scoring {config.name} on {data.held_out_path.name}")
        bundle = replace(bundle, scores=_score(bundle, data, reference))
        write_manifest(bundle)
        write_card(bundle)
    return open_bundle(config.target)


def fit_window(config: BuildConfig, model: TokenClassifier) -> BuildConfig:
    """The same with windows no longer than the model has positions for."""
    most = min(config.max_tokens, model.config.max_positions)
    return replace(config, max_tokens=most, overlap=min(config.overlap, (most - 2) // 2))


def lineage_of(checkpoint: str) -> tuple[Step, ...]:
    """How the checkpoint came to be; one that tells nothing is itself the first step."""
    return tuple(read_history(checkpoint)) or ({"step": "checkpoint", "name": name_of_base(checkpoint)},)


def encode_training(
    config: BuildConfig, model: TokenClassifier, tokenizer: Tokenizer, data: Data
) -> Features:
    """The training sentences as numbers.

    :raises DataError: they have labels that the model does not know.
    """
    tags = model.config.labels
    if unknown := {f"B-{label}" for label in labels_of(data.train)} - set(tags):
        got = ", ".join(sorted(tag[2:] for tag in unknown))
        raise DataError(
            "labels that the model does not have", str(config.data), got, "", "train it on this data"
        )
    return encode_sentences(data.train, tokenizer, tags, max_tokens=config.max_tokens, overlap=config.overlap)


def examine_dense(config: BuildConfig, dense: Stage, tokenizer: Tokenizer, data: Data) -> Examined:
    with TemporaryDirectory() as folder:
        bundle = write_draft(Path(folder), draft_of(replace(config, name="dense"), dense, tokenizer, None))
        return examine(open_tagger(bundle), data.held_out)


def _prune(config: BuildConfig, variant: Variant, dense: Stage, features: Features, report: Report) -> Stage:
    if not variant.macs_removed:
        return dense
    method = find_method(config.method)
    kind = "linear MACs" if method.structured else "linear weights"
    report(f"removing {variant.macs_removed:.0%} of the encoder's {kind} by {method.name}")
    task = Task(dense.model, features, variant.macs_removed, config.prune, config.time_share)
    return pruned_stage(config, variant, dense, method.compress(task))


def pruned_stage(config: BuildConfig, variant: Variant, dense: Stage, pruned: PrunedModel) -> Stage:
    """What the config's method made of the dense model, with a line of how in its lineage."""
    method = find_method(config.method)
    step: Step = {
        "step": "prune",
        "method": method.name,
        "macs_removed": round(pruned.macs_removed, 4),
        **asdict(config.prune),
    }
    if config.time_share is not None:
        step = {**step, "time_share": config.time_share, **pruned.timing}
    if not method.structured:
        sizes = stored_sizes(pruned.model, int8=variant.int8)
        step = {**step, "weights_zeroed": round(pruned.weights_zeroed, 4), "linear_bytes": asdict(sizes)}
    return Stage(pruned.model, pruned.macs_removed, (*dense.lineage, step))


def _distil(
    config: BuildConfig,
    stage: Stage,
    dense: Stage,
    features: Features,
    tokenizer: Tokenizer,
    report: Report,
) -> Stage:
    if config.reader is None:
        return stage
    report("distilling from the dense model")
    lesson = lesson_of(config, config.reader, dense.model, features, tokenizer)
    student = lesson.teach(stage.model, dense.model)
    return Stage(student, stage.macs_removed, (*stage.lineage, lesson.step))


def lesson_of(
    config: BuildConfig, reader: Reader, dense: TokenClassifier, features: Features, tokenizer: Tokenizer
) -> Lesson:
    """What pruned models of ``dense`` are to learn afterwards."""
    labels, overlap = dense.config.labels, config.overlap
    return read_lesson(reader, tokenizer, labels, features, max_tokens=config.max_tokens, overlap=overlap)


def quantise(
    config: BuildConfig, model: TokenClassifier, features: Features, *, integer_only: bool
) -> tuple[onnx.ModelProto, Step]:
    """The model as ONNX in int8, and the step that made it."""
    batches = calibration_batches(features, config.calibration_windows)
    step: Step = {
        "step": "quantize",
        "weights": "int8 a column",
        "activations": "uint8 static",
        "tokens": sum(batch.numel() for batch in batches),
    }
    if integer_only:
        scales = measure_scales(model, batches)
        step = {**step, "functions": "integer polynomials (I-BERT)"}
        return emit_integers(model, scales, max_tokens=config.max_tokens), step
    return emit(model, calibrate(model, batches), max_tokens=config.max_tokens), step


def draft_of(
    config: BuildConfig, stage: Stage, tokenizer: Tokenizer, quantised: tuple[onnx.ModelProto, Step] | None
) -> Draft:
    """The finished model: as it was quantised, or in fp32."""
    onnx_model, step = quantised or (emit(stage.model, max_tokens=config.max_tokens), None)
    start_token, end_token = special_ids(tokenizer)
    return Draft(
        name=config.name,
        onnx_model=onnx_model,
        tokenizer=tokenizer,
        config=stage.model.config,
        reading=Reading(
            max_tokens=config.max_tokens,
            overlap=config.overlap,
            start_token=start_token,
            end_token=end_token,
            whole_numbers=True,
            min_score=config.min_score,
            rules=config.rules or NO_RULES,
        ),
        macs_removed=stage.macs_removed,
        lineage=(*stage.lineage, step) if step else stage.lineage,
    )


def calibration_batches(features: Features, n_windows: int) -> list[Tensor]:
    """Token ids of evenly chosen windows, equal lengths together. *Shape of one:* ``(windows, tokens)``"""
    step = max(1, len(features.windows) // n_windows)
    by_length: dict[int, list[Tensor]] = defaultdict(list)
    for window in features.windows[::step]:
        by_length[len(window.input_ids)].append(torch.from_numpy(window.input_ids))
    return [torch.stack(by_length[length]) for length in sorted(by_length)]


def _score(bundle: ModelBundle, data: Data, reference: Examined) -> dict[str, Any]:
    tagger = open_tagger(bundle)
    examined = examine(tagger, data.held_out)
    speed = _tokens_per_second(tagger, [sentence.text for sentence in data.held_out])
    return scores_of(examined, reference, data.held_out_path, tokens_per_second=speed)


def scores_of(
    examined: Examined, reference: Examined, path: Path, *, tokens_per_second: float | None
) -> dict[str, Any]:
    """The scores on the sentences of ``path`` as the manifest keeps them."""
    scores = examined.scores.to_dict()
    source = {"name": path.name, "sha256": hash_file(path).sha256, "sentences": scores.pop("sentences")}
    rounded = {name: round(value, 4) for name, value in scores.items() if isinstance(value, float)}
    per_label = {
        label: {name: round(value, 4) for name, value in row.items()}
        for label, row in scores["per_label"].items()
    }
    return {
        **rounded,
        "f1_dense": round(reference.scores.f1, 4),
        "promotion": judge(reference, examined),
        "data": source,
        "tokens_per_second": None if tokens_per_second is None else round(tokens_per_second),
        "per_label": per_label,
    }


def _tokens_per_second(tagger: Tagger, sentences: list[str]) -> float:
    """Best of a few rounds with one thread, tokenising and decoding included."""
    rates = []
    for _ in range(SPEED_ROUNDS):
        start = time.perf_counter()
        tagged = tagger.tag(sentences)
        rates.append(float(tagged.n_tokens.sum()) / (time.perf_counter() - start))
    return max(rates)
