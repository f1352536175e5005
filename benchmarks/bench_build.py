"""Time and memory of building a variant, step by step, for a model of a given size with random weights.

    python benchmarks/bench_build.py --shape base

What such a model answers means nothing, and so does its F1; how long each step takes and what it needs
does not depend on that. Its head answers at random, so that gradients are not 0 and mentions are decoded.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from make_shape import SHAPES, random_model
from tokenizers import Tokenizer

from compress.building.build import BuildConfig, build
from compress.checkpoint import write_checkpoint
from compress.pruning.methods.method import METHODS, find_method
from extract.bundle import open_bundle
from extract.registry import find_bundle

GIB = 2**20
"""Units of ``ru_maxrss`` (KiB on Linux) in a GiB."""


def write_shape(folder: Path, shape: str) -> None:
    """A checkpoint of a shape whose head answers at random."""
    embedded = open_bundle(find_bundle("pruned25-int8"))
    model = random_model(shape, embedded, removed=0.0)
    model.classifier.bias.data.zero_()
    write_checkpoint(folder, model, Tokenizer.from_file(str(embedded.tokenizer_path)), ())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shape", choices=sorted(SHAPES), default="base")
    parser.add_argument("--name", default="pruned25-int8", help="the variant")
    parser.add_argument("--method", choices=sorted(METHODS), default="fisher")
    parser.add_argument("--steps", type=int, default=1, help="rounds of pruning; 1 is one-shot")
    parser.add_argument("--data", type=Path, default=Path("examples/endpoints/authored.jsonl"))
    options = parser.parse_args()

    marks: list[tuple[float, str]] = []

    def mark(line: str) -> None:
        marks.append((time.perf_counter(), line))
        print(f"... {line}", flush=True)

    with TemporaryDirectory() as folder:
        checkpoint = Path(folder) / "checkpoint"
        write_shape(checkpoint, options.shape)
        mark("reading data")
        prune = find_method(options.method).configure(steps=options.steps)
        target = Path(folder) / "built"
        config = BuildConfig(
            options.name, str(checkpoint), options.data, target, method=options.method, prune=prune
        )
        bundle = build(config, report=mark)
        mark("done")
    print(f"\n{options.shape}, {options.name} by {options.method}, {os.cpu_count()} cores\n")
    print("| step | seconds |\n|---|---|")
    for (began, line), (ended, _) in zip(marks, marks[1:], strict=False):
        print(f"| {line.replace(str(checkpoint), 'the checkpoint')} | {ended - began:.0f} |")
    print(f"| in all | {marks[-1][0] - marks[0][0]:.0f} |")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / GIB
    print(f"\npeak memory {peak:.1f} GiB; {bundle.n_bytes / 1e6:.1f} MB on disk")


if __name__ == "__main__":
    main()
