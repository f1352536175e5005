"""Responsible for what a sweep is to do: which models, of which data, and what tells two sweeps apart."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import tokenizers

from compress.building.lesson import Reader
from compress.building.wishes import check_text
from compress.data import Data, Split
from compress.encoder import TokenClassifier
from compress.errors import BudgetError
from compress.pruning.iterate import PruneConfig
from compress.pruning.methods.method import Method, find_method
from compress.sweeping.results import DENSE
from extract.bundle import hash_file

Identity = Mapping[str, Any]


@dataclass(frozen=True)
class Changes:
    """What is to differ from the methods' own settings; None leaves each method its own."""

    steps: int | None = None
    loss: str | None = None
    reconstruct: bool | None = None
    finetune_epochs: int | None = None


@dataclass(frozen=True)
class SweepConfig:
    """Which models to make of one checkpoint, and how they are judged."""

    checkpoint: str
    """Folder or hub id of a fine-tuned token classifier."""
    data: Path
    """Folder with ``train``, on which pruning and scales are calibrated, and what is scored on; or one
    annotated file."""
    target: Path
    """The sweep's folder. What is there already of the same sweep is gone on with."""
    methods: tuple[str, ...]
    """Of :data:`compress.pruning.methods.method.METHODS`."""
    shares: tuple[int, ...]
    """Per cent to be removed, 1 to 99 each."""
    seeds: tuple[int, ...] = (0,)
    """Each decides which training sentences a method looks at, and its lots."""
    precisions: tuple[bool, ...] = (False, True)
    """Whether in int8; each model is pruned once for all of them."""
    split: Split = "dev"
    """What is scored on. Whoever chooses a method, a share or a seed by ``test`` has no test any more."""
    speed: bool = False
    """Time each model in turns with the dense one."""
    keep: bool = False
    """Keep each model as a bundle."""
    changes: Changes = Changes()
    reader: Reader | None = None
    """What each pruned model then learns from the dense one; None: nothing."""
    min_score: float = 0.0
    """Mentions with a lower score are left out, 0 to 1."""
    max_tokens: int = 256
    overlap: int = 64


@dataclass(frozen=True, slots=True)
class Cell:
    """One model to be pruned, in whatever precisions."""

    method: str
    share: int
    """Per cent."""
    seed: int | None
    """None: the method draws no lot."""

    def key(self, *, int8: bool) -> tuple[str, float, int | None, bool]:
        """The key of its row in that precision, see :attr:`compress.sweeping.results.SweepRow.key`."""
        return self.method, self.share / 100, self.seed, int8

    def __str__(self) -> str:
        if self.method == DENSE:
            return DENSE
        return f"{self.method}, {self.share} %" + ("" if self.seed is None else f", seed {self.seed}")


DENSE_CELL = Cell(DENSE, 0, None)


def plan_cells(config: SweepConfig) -> list[Cell]:
    """What to prune, a seed after the other: so that the whole picture is there early, and then its spread.

    :raises CompressError: an unknown method, or text that cannot be learnt from.
    :raises BudgetError: a share that cannot be removed.
    """
    for share in config.shares:
        if not 0 < share < 100:
            raise BudgetError("impossible budget", "sweep", f"{share} %", "1 to 99 %")
    cells: dict[Cell, None] = {}
    for seed in config.seeds:
        for name in config.methods:
            method = find_method(name)
            if config.reader is not None:
                check_text(name, config.reader.text)
            drawn = seed if method.draws(prune_config(config, method, seed)) else None
            cells.update(dict.fromkeys(Cell(name, share, drawn) for share in config.shares))
    return list(cells)


def prune_config(config: SweepConfig, method: Method, seed: int | None) -> PruneConfig:
    """The settings of a method in this sweep."""
    return method.configure(**asdict(config.changes), seed=seed or 0)


def identify(
    config: SweepConfig, data: Data, model: TokenClassifier, tokenizer: tokenizers.Tokenizer
) -> Identity:
    """What every row of a sweep has in common; methods, shares, seeds and precisions may be added later."""
    return {
        "checkpoint": _hash_model(model, tokenizer),
        "training data": _hash_sentences(data.train),
        "scored data": hash_file(data.held_out_path).sha256,
        "split": config.split,
        "speed": config.speed,
        "keep": config.keep,
        **asdict(config.changes),
        "distillation": _tell_reader(config.reader),
        "min_score": config.min_score,
        "max_tokens": config.max_tokens,
        "overlap": config.overlap,
    }


def _tell_reader(reader: Reader | None) -> Identity | None:
    if reader is None:
        return None
    texts = [hash_file(path).sha256 for path in reader.text]
    return {"text": texts, "sentences": reader.sentences, **asdict(reader.settings)}


def _hash_model(model: TokenClassifier, tokenizer: tokenizers.Tokenizer) -> str:
    digest = hashlib.sha256(f"{model.config}\n{tokenizer.to_str()}".encode())
    for name, value in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _hash_sentences(sentences: Sequence[Any]) -> str:
    digest = hashlib.sha256()
    for sentence in sentences:
        digest.update(repr(sentence).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()
