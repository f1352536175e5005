"""What session options and batch sizes cost, on a bundle's own graph, one thread.

    python benchmarks/bench_session.py [--bundle BUNDLE] [--length 64] [--rounds 15]

Random token ids, no padding. Contestants alternate within every round; the median is reported.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
import onnxruntime

from extract.bundle import open_bundle
from extract.registry import find_bundle

LEVELS = onnxruntime.GraphOptimizationLevel


def open_session(path: Path, *, level: LEVELS, exact_products: bool = False) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_mem_pattern = False
    options.graph_optimization_level = level
    if exact_products:
        options.add_session_config_entry("session.x64quantprecision", "1")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def median_rates(
    sessions: dict[str, onnxruntime.InferenceSession],
    shapes: list[tuple[int, int]],
    vocab_size: int,
    rounds: int,
) -> dict[tuple[str, tuple[int, int]], float]:
    """Tokens a second of every session on every batch shape."""
    rng = np.random.default_rng(0)
    batches = {shape: rng.integers(0, vocab_size, shape) for shape in shapes}
    seconds: dict[tuple[str, tuple[int, int]], list[float]] = {}
    for _ in range(rounds):
        for shape, input_ids in batches.items():
            for name, session in sessions.items():
                start = time.perf_counter()
                session.run(["logits"], {"input_ids": input_ids})
                seconds.setdefault((name, shape), []).append(time.perf_counter() - start)
    return {
        (name, shape): shape[0] * shape[1] / statistics.median(values)
        for (name, shape), values in seconds.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bundle", default="pruned25-int8")
    parser.add_argument("--length", type=int, default=64, help="tokens of a sentence")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()

    bundle = open_bundle(find_bundle(options.bundle))
    sessions = {
        "as the runner opens it": open_session(bundle.model_path, level=LEVELS.ORT_ENABLE_BASIC),
        "all optimisations": open_session(bundle.model_path, level=LEVELS.ORT_ENABLE_ALL),
        "all, x64quantprecision": open_session(
            bundle.model_path, level=LEVELS.ORT_ENABLE_ALL, exact_products=True
        ),
    }
    shapes = [(n_sentences, options.length) for n_sentences in (1, 2, 4, 8, 16, 32)]
    rates = median_rates(sessions, shapes, bundle.shape.vocab_size, options.rounds)
    print(f"{bundle.name}, sentences of {options.length} tokens, tokens/s with one thread\n")
    print("| session | " + " | ".join(f"{n * length} tokens a call" for n, length in shapes) + " |")
    print("|---" * (len(shapes) + 1) + "|")
    for name in sessions:
        print(f"| {name} | " + " | ".join(f"{rates[name, shape]:,.0f}" for shape in shapes) + " |")


if __name__ == "__main__":
    main()
