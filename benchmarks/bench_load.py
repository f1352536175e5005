"""What it takes to have a model ready, and what memory every further worker costs.

    python benchmarks/bench_load.py --checkpoint CHECKPOINT --bundle BUNDLE... [--repeats 5]

Each way of loading runs in fresh processes, two at a time as two workers would, libraries already imported:
the bundle with weights of its own, the bundle on weights that the processes share, and Hugging Face's
``from_pretrained`` of the dense checkpoint. Private is what only that process has (anonymous memory),
beyond what it had before; it is looked at twice: when the model is open, and after it has worked.
"""

from __future__ import annotations

import argparse
import importlib
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from jobs.process import private_bytes

SENTENCE = "Median overall survival was 14.1 months (95% CI 11.2-17.8) against 9.6 months with placebo. "
TEXTS = [SENTENCE * (1 + number % 3) for number in range(16)]
PROCESSES = 2

Answer = Callable[[Sequence[str]], Any]


@dataclass(frozen=True)
class Loaded:
    """What one process saw."""

    seconds: float
    private_open: int
    """Bytes beyond the process without a model."""
    private_used: int


def load_torch(checkpoint: str) -> Callable[[], Answer]:
    import torch
    from transformers import AutoConfig, AutoModelForTokenClassification, AutoTokenizer

    torch.set_num_threads(1)
    # transformers imports a model's code when it is first asked for; that is not to count as loading.
    settings = type(AutoConfig.from_pretrained(checkpoint)).__module__
    importlib.import_module(settings.replace("configuration", "modeling"))

    def load() -> Answer:
        tokenizer = AutoTokenizer.from_pretrained(checkpoint)
        model = AutoModelForTokenClassification.from_pretrained(checkpoint).eval()

        def answer(texts: Sequence[str]) -> Any:
            with torch.inference_mode():
                return model(**tokenizer(list(texts), padding=True, return_tensors="pt")).logits

        return answer

    return load


def load_bundle(model: str, shared: Path | None) -> Callable[[], Answer]:
    from extract.bundle import open_bundle
    from extract.registry import find_bundle
    from extract.tagger import open_tagger

    return lambda: open_tagger(open_bundle(find_bundle(model)), shared).tag


def watch(prepare: Callable[[], Callable[[], Answer]], together: Barrier, results: Any) -> None:
    """Load in this process; every process waits for the others, so that what is shared counts as shared."""
    load = prepare()
    before = private_bytes() or 0
    together.wait()
    started = time.perf_counter()
    answer = load()
    seconds = time.perf_counter() - started
    opened = private_bytes() or 0
    answer(TEXTS)
    used = private_bytes() or 0
    together.wait()
    results.put(Loaded(seconds, opened - before, used - before))


def measure(prepare: Callable[[], Callable[[], Answer]]) -> list[Loaded]:
    """What each of the processes saw in one round."""
    context = multiprocessing.get_context("spawn")
    together, results = context.Barrier(PROCESSES), context.Queue()
    processes = [context.Process(target=watch, args=(prepare, together, results)) for _ in range(PROCESSES)]
    for process in processes:
        process.start()
    seen = [results.get() for _ in processes]
    for process in processes:
        process.join()
    return seen


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--checkpoint", help="dense checkpoint for from_pretrained")
    parser.add_argument("--bundle", nargs="+", default=["pruned25-int8"], help="variant names or folders")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        shared = Path(folder) / "shared"
        ways: dict[str, Callable[[], Callable[[], Answer]]] = {}
        if options.checkpoint:
            ways["`from_pretrained`, dense fp32"] = partial(load_torch, options.checkpoint)
        for model in options.bundle:
            name = "/".join(Path(model).parts[-2:])
            ways[f"`{name}`, weights of its own"] = partial(load_bundle, model, None)
            ways[f"`{name}`, shared weights"] = partial(load_bundle, model, shared)
        seen: dict[str, list[Loaded]] = {name: [] for name in ways}
        for round_number in range(options.repeats + 1):  # the first writes the shared weights, is not counted
            for name, prepare in ways.items():
                found = measure(prepare)
                seen[name] += found if round_number else []
    print("| model | seconds to open | private MB when open | after work |\n|---|---|---|---|")
    for name, loads in seen.items():
        columns = [
            statistics.median(load.seconds for load in loads),
            statistics.median(load.private_open for load in loads) / 1e6,
            statistics.median(load.private_used for load in loads) / 1e6,
        ]
        print(f"| {name} | {columns[0]:.3f} | {columns[1]:.1f} | {columns[2]:.1f} |")


if __name__ == "__main__":
    main()
