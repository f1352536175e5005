"""Speed of models and engines on the same sentences, in one run, side by side.

    python benchmarks/bench_model.py --checkpoint CHECKPOINT --bundle BUNDLE... --data FILE --work DIR

The checkpoint runs in PyTorch (fp32 in the order of the file, which is the published protocol, and in
order of length; bf16) and, converted into ``DIR``, in OpenVINO and CTranslate2 where installed. Bundles
run as in production: one process a core, one thread each. Contestants take turns within a round; medians are
reported, in tokens a second, padding left out, special tokens, tokenising and decoding included.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from engines import Run, open_engine, prepare_peers
from onnx import TensorProto, helper

from extract.annotations import read_annotations
from extract.bundle import open_bundle
from extract.registry import find_bundle
from extract.session import session_options

_engines: dict[tuple[str, str], Run] = {}


@dataclass
class Contestant:
    """An engine in processes of its own."""

    name: str
    kind: str
    where: str
    n_processes: int = 1
    seconds: list[float] = field(default_factory=list)
    tokens: int = 0
    pool: ProcessPoolExecutor | None = None

    def race(self, sentences: Sequence[str]) -> float:
        """Seconds for all sentences, dealt out to the processes."""
        if self.pool is None:
            # Forking after torch has started its threads may hang.
            self.pool = ProcessPoolExecutor(self.n_processes, multiprocessing.get_context("spawn"))
        started = time.perf_counter()
        parts = [
            self.pool.submit(run_engine, self.kind, self.where, sentences[index :: self.n_processes])
            for index in range(self.n_processes)
        ]
        self.tokens = sum(part.result() for part in parts)
        return time.perf_counter() - started

    @property
    def rate(self) -> float:
        return self.tokens / statistics.median(self.seconds)


def run_engine(kind: str, where: str, sentences: Sequence[str]) -> int:
    """In a contestant's process; the engine is opened at its first call."""
    if (kind, where) not in _engines:
        _engines[kind, where] = open_engine(kind, where)
    return _engines[kind, where](sentences)


def product_rate() -> float:
    """Multiply-accumulates a second of the fastest int8 product that ONNX Runtime does here, one thread."""
    inner, outer = 1024, 1024
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["a", "b"], ["y"])],
        "product",
        [helper.make_tensor_value_info("a", TensorProto.UINT8, ["rows", inner])],
        [helper.make_tensor_value_info("y", TensorProto.INT32, ["rows", outer])],
        [
            onnx.numpy_helper.from_array(
                np.random.default_rng(0).integers(-127, 128, (inner, outer), np.int8), "b"
            )
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    session = onnxruntime.InferenceSession(model.SerializeToString(), session_options(saturates=False))
    best = 0.0
    for rows in (256, 512, 1024):
        a = np.random.default_rng(1).integers(0, 256, (rows, inner), np.uint8)
        for _ in range(30):
            started = time.perf_counter()
            session.run(None, {"a": a})
            best = max(best, rows * inner * outer / (time.perf_counter() - started))
    return best


def macs_per_token(model: str) -> float:
    """Of the encoder's linear layers."""
    shape = open_bundle(find_bundle(model)).shape
    width = shape.hidden_width
    heads = 4 * width * shape.head_width * sum(shape.heads_per_layer)
    return heads + 2 * width * sum(shape.neurons_per_layer)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--checkpoint", help="dense checkpoint for the peers; without it only bundles run")
    parser.add_argument("--bundle", nargs="+", default=["pruned25-int8"], help="variant names or folders")
    parser.add_argument("--openvino-bundle", nargs="*", default=[], help="bundles to run in OpenVINO too")
    parser.add_argument("--data", required=True, help="annotated file whose texts are tagged")
    parser.add_argument("--work", type=Path, help="folder for converted models; used again if it is there")
    parser.add_argument("--sentences", type=int, help="only so many of the file, evenly chosen")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()

    sentences = [sentence.text for sentence in read_annotations(options.data)]
    if options.sentences:
        sentences = sentences[:: max(1, len(sentences) // options.sentences)][: options.sentences]
    contestants = enter(options, sentences)
    peak = product_rate()
    for round_number in range(options.repeats + 1):  # the first is not counted: it loads and warms up
        for contestant in contestants:
            seconds = contestant.race(sentences)
            if round_number:
                contestant.seconds.append(seconds)
    for contestant in contestants:
        if contestant.pool:
            contestant.pool.shutdown()
    report(contestants, len(sentences), peak)


def enter(options: argparse.Namespace, sentences: Sequence[str]) -> list[Contestant]:
    """Everyone who takes part, the published protocol first."""
    contestants = []
    if options.checkpoint:
        for kind, name in (
            ("torch", "PyTorch fp32, order of the file"),
            ("torch-sorted", "PyTorch fp32, order of length"),
            ("torch-bf16", "PyTorch bf16, order of length"),
        ):
            contestants.append(Contestant(name, kind, options.checkpoint))
        if options.work:
            peers = prepare_peers(options.checkpoint, options.work, sentences)
            contestants += [Contestant(name, *peer) for name, peer in peers.items()]
    for model in options.bundle:
        name = f"`{'/'.join(Path(model).parts[-2:])}`"
        contestants.append(Contestant(f"{name}, 1 worker", "bundle", model))
        contestants.append(Contestant(f"{name}, {options.workers} workers", "bundle", model, options.workers))
    for model in options.openvino_bundle:
        name = f"`{'/'.join(Path(model).parts[-2:])}` in OpenVINO, {options.workers} workers"
        contestants.append(Contestant(name, "openvino-bundle", model, options.workers))
    return contestants


def report(contestants: list[Contestant], n_sentences: int, peak: float) -> None:
    first = contestants[0].rate
    print(f"{n_sentences} sentences, {contestants[0].tokens} tokens; fastest int8 product of ONNX Runtime")
    print(f"here: {peak / 1e9:,.0f} billion multiply-accumulates a second and core\n")
    print("| engine | tokens/s, median | least to most | times the first row | of that product's rate |")
    print("|---|---|---|---|---|")
    for one in contestants:
        spread = f"{one.tokens / max(one.seconds):,.0f} to {one.tokens / min(one.seconds):,.0f}"
        share = ""
        if one.kind.endswith("bundle"):
            share = f"{one.rate / one.n_processes * macs_per_token(one.where) / peak:.0%}"
        print(f"| {one.name} | {one.rate:,.0f} | {spread} | {one.rate / first:.1f} | {share} |")


if __name__ == "__main__":
    main()
