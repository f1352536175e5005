"""Measures what training data and settings are worth, out of fold.

    PYTHONPATH=. python benchmarks/bench_recipes.py --data endpoints --also authored.jsonl --to recipes/a \\
      --only 0,3 -- --base minilm --average-decay 0

The documents of train and dev are cut into five parts with about as many entities each. For each part asked
for, ``extract models train`` learns from the other four and from ``--also`` without the part's documents. It
keeps the epoch that is best on the part: equal for all recipes, a little too good for each. What stands
behind ``--`` goes to the training. A part whose checkpoint lies in ``--to`` is not trained again.

Tells the scores of all parts together, and writes ``predictions.jsonl``, from which ``bench_decoding.py
--predictions`` counts causes and compares thresholds and rules.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from compress.building.build import BuildConfig, Stage, draft_of, fit_window
from compress.building.publish import write_draft
from compress.checkpoint import read_checkpoint
from compress.training.record import write_lines
from compress.training.trials import prediction_rows
from extract.annotations import AnnotatedSentence, read_annotations
from extract.records import Mention
from extract.rules import NO_RULES
from extract.score import score_mentions
from extract.tagger import open_tagger

PARTS = 5
ENTITY_FREE = 0.2
"""What a sentence without entity counts beside an entity, when parts are made equal."""


def cut_documents(sentences: Iterable[AnnotatedSentence]) -> list[set[str]]:
    """The documents of each part: the largest first, to the part that has least."""
    sizes: dict[str, float] = defaultdict(float)
    for sentence in sentences:
        sizes[sentence.doc] += len(sentence.entities) + ENTITY_FREE
    parts: list[tuple[float, set[str]]] = [(0.0, set()) for _ in range(PARTS)]
    for doc, size in sorted(sizes.items(), key=lambda item: (-item[1], item[0])):
        place = min(range(PARTS), key=lambda index: parts[index][0])
        parts[place] = (parts[place][0] + size, parts[place][1] | {doc})
    return [docs for _, docs in parts]


def write_sentences(path: Path, sentences: Iterable[AnnotatedSentence]) -> None:
    rows = (
        {"id": one.id, "doc": one.doc, "text": one.text, "entities": [asdict(span) for span in one.entities]}
        for one in sentences
    )
    write_lines(path, rows)


def train_without(
    docs: set[str], pool: Sequence[AnnotatedSentence], also: Sequence[Path], target: Path, words: list[str]
) -> None:
    """A checkpoint that knows none of the documents, chosen by them."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        write_sentences(data / "train.jsonl", (one for one in pool if one.doc not in docs))
        write_sentences(data / "dev.jsonl", (one for one in pool if one.doc in docs))
        options = []
        for number, path in enumerate(also):
            kept = data / f"{number}-{path.name}"
            write_sentences(kept, (one for one in read_annotations(path) if one.doc not in docs))
            options += ["--also", str(kept)]
        program = [sys.executable, "-c", "from jobs.cli import main; main()", "models", "train"]
        subprocess.run([*program, "--data", folder, "--to", str(target), *options, *words], check=True)


def find_mentions(checkpoint: Path, texts: list[str]) -> Sequence[Sequence[Mention]]:
    """Of any score, in fp32, without rules."""
    model, tokenizer = read_checkpoint(str(checkpoint))
    config = BuildConfig("dense", str(checkpoint), Path("-"), Path("-"), min_score=0.0, rules=NO_RULES)
    with tempfile.TemporaryDirectory() as folder:
        draft = draft_of(fit_window(config, model), Stage(model, 0.0, ()), tokenizer, None)
        return open_tagger(write_draft(Path(folder), draft)).tag(texts).mentions


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with train and dev files")
    parser.add_argument("--also", type=Path, action="append", default=[])
    parser.add_argument("--to", type=Path, required=True, help="folder of the recipe's checkpoints")
    parser.add_argument("--only", default=",".join(map(str, range(PARTS))), help="parts, such as 0,3")
    parser.add_argument("words", nargs="*", help="options of extract models train, behind --")
    options = parser.parse_args()
    pool = [one for name in ("train", "dev") for one in read_annotations(options.data / f"{name}.jsonl")]
    parts = cut_documents(pool)
    sentences: list[AnnotatedSentence] = []
    found: list[Sequence[Mention]] = []
    for number in map(int, options.only.split(",")):
        target = options.to / str(number)
        if not target.is_dir():
            target.parent.mkdir(parents=True, exist_ok=True)
            train_without(parts[number], pool, options.also, target, options.words)
        held_out = [one for one in pool if one.doc in parts[number]]
        sentences += held_out
        found += find_mentions(target, [one.text for one in held_out])
    rows = prediction_rows(str(options.to), sentences, found)
    write_lines(options.to / "predictions.jsonl", rows)
    scores = score_mentions(sentences, found)
    print(f"{len(sentences)} sentences: F1 {scores.f1:.4f} ({scores.precision:.3f}, {scores.recall:.3f})")


if __name__ == "__main__":
    main()
