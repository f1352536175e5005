"""Speed of models on the same sentences, in one run, side by side.

    python benchmarks/bench_model.py --checkpoint CHECKPOINT --bundle BUNDLE... --data FILE [--repeats 5]

Baselines run the fine-tuned checkpoint in PyTorch fp32 through transformers, batch 16, all cores: in the
order of the file (the published protocol) and in order of length. Bundles run as they do in production:
one process a core, one thread each. Rounds alternate between the contestants; medians are
reported, in real tokens (no padding, no special tokens) a second, tokenising and decoding included.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from extract.annotations import read_annotations
from extract.bundle import open_bundle
from extract.registry import find_bundle
from extract.tagger import Tagger, open_tagger

BATCH_SIZE = 16
_tagger: dict[str, Tagger] = {}


def tag_part(model: str, sentences: Sequence[str]) -> int:
    """Tag in a worker process; the model is loaded at its first call. Returns the tokens tagged."""
    if model not in _tagger:
        _tagger[model] = open_tagger(open_bundle(find_bundle(model)))
    return int(_tagger[model].tag(sentences).n_tokens.sum())


def run_bundle(pool: ProcessPoolExecutor, model: str, n_workers: int, sentences: Sequence[str]) -> None:
    parts = [sentences[index::n_workers] for index in range(n_workers)]
    list(pool.map(partial(tag_part, model), parts))


def torch_baseline(checkpoint: str, *, by_length: bool) -> Callable[[Sequence[str]], None]:
    """PyTorch fp32 with padding to the longest of each batch, as the Hugging Face pipeline does it."""
    import torch
    from transformers import AutoModelForTokenClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    model = AutoModelForTokenClassification.from_pretrained(checkpoint).eval()
    torch.set_num_threads(os.cpu_count() or 1)

    def run(sentences: Sequence[str]) -> None:
        ordered = sorted(sentences, key=len) if by_length else sentences
        with torch.inference_mode():
            for first in range(0, len(ordered), BATCH_SIZE):
                batch = tokenizer(
                    list(ordered[first : first + BATCH_SIZE]), padding=True, return_tensors="pt"
                )
                model(**batch).logits.argmax(dim=-1)

    return run


def median_seconds(
    contestants: dict[str, Callable[[Sequence[str]], None]], sentences: Sequence[str], repeats: int
) -> dict[str, list[float]]:
    """Seconds of every round of every contestant; the first, uncounted round warms up."""
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for round_number in range(repeats + 1):
        for name, run in contestants.items():
            start = time.perf_counter()
            run(sentences)
            if round_number:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--checkpoint", help="dense checkpoint for the PyTorch baselines")
    parser.add_argument(
        "--bundle", nargs="+", default=["pruned25-int8"], help="variant names or bundle folders"
    )
    parser.add_argument("--data", required=True, help="annotated file whose texts are tagged")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()

    sentences = [sentence.text for sentence in read_annotations(options.data)]
    n_tokens = tag_part(options.bundle[0], sentences)
    contestants: dict[str, Callable[[Sequence[str]], None]] = {}
    if options.checkpoint:
        contestants["PyTorch fp32, file order"] = torch_baseline(options.checkpoint, by_length=False)
        contestants["PyTorch fp32, length order"] = torch_baseline(options.checkpoint, by_length=True)
    spawned = multiprocessing.get_context("spawn")  # forking after torch has started its threads may hang
    with ProcessPoolExecutor(options.workers, spawned) as pool, ProcessPoolExecutor(1, spawned) as single:
        for model in options.bundle:
            contestants[f"{model}, 1 worker"] = partial(run_bundle, single, model, 1)
            contestants[f"{model}, {options.workers} workers"] = partial(
                run_bundle, pool, model, options.workers
            )
        seconds = median_seconds(contestants, sentences, options.repeats)
    report(seconds, n_tokens, len(sentences))


def report(seconds: dict[str, list[float]], n_tokens: int, n_sentences: int) -> None:
    first = statistics.median(next(iter(seconds.values())))
    print(f"{n_sentences} sentences, {n_tokens} tokens\n")
    print("| model | tokens/s, median | least to most | times the first row |")
    print("|---|---|---|---|")
    for name, values in seconds.items():
        median = statistics.median(values)
        spread = f"{n_tokens / max(values):,.0f} to {n_tokens / min(values):,.0f}"
        print(f"| {name} | {n_tokens / median:,.0f} | {spread} | {first / median:.1f} |")


if __name__ == "__main__":
    main()
