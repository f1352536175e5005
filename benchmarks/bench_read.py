"""Measure the reading side on one core, stage by stage: check, parse, split.

    python benchmarks/bench_read.py FILE... [--repeats 5] [--slice-records 5000]

check  digests, full decompression, well-formedness and slices (extract.source.check_source)
parse  slices to records, decompression included (extract.source.iter_records)
split  the records' fields to sentences (extract.sentences.split_sentences)

MB/s counts the decompressed bytes for check and parse, and the UTF-8 bytes of titles and abstracts for split.
Times are CPU seconds of this one process, so that neighbours on the machine count little. Each figure is the
median of the repeats; within a repeat the stages take turns.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from extract.bytestream import iter_chunks
from extract.inputs import find_inputs
from extract.records import Citation
from extract.sentences import split_sentences
from extract.source import DEFAULT_SLICE_RECORDS, Record, SourceFile, check_source, iter_records


def iter_all(sources: list[SourceFile]) -> Iterator[Record]:
    for source in sources:
        for piece in source.slices:
            yield from iter_records(Path(source.path), source.format, piece)


def split_all(records: list[Record]) -> int:
    return sum(
        len(split_sentences(field.text, field.sections))
        for record in records
        if isinstance(record, Citation)
        for field in record.fields
    )


def timed(stage: Callable[[], object]) -> float:
    begin = time.process_time()
    stage()
    return time.process_time() - begin


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("inputs", nargs="+")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--slice-records", type=int, default=DEFAULT_SLICE_RECORDS)
    arguments = parser.parse_args()
    paths = find_inputs(arguments.inputs)
    sources = [check_source(path, slice_records=arguments.slice_records) for path in paths]
    records = list(iter_all(sources))
    gc.freeze()  # a job holds no such list for the collector to walk through
    texts = [field.text for record in records if isinstance(record, Citation) for field in record.fields]
    n_text_bytes = sum(len(text.encode()) for text in texts)
    n_bytes = sum(len(chunk) for path in paths for chunk in iter_chunks(path))
    stages: dict[str, tuple[Callable[[], object], int]] = {
        "check": (
            lambda: [check_source(path, slice_records=arguments.slice_records) for path in paths],
            n_bytes,
        ),
        "parse": (lambda: sum(1 for _ in iter_all(sources)), n_bytes),
        "split": (lambda: split_all(records), n_text_bytes),
    }
    times: dict[str, list[float]] = {name: [] for name in stages}
    for _ in range(arguments.repeats):
        for name, (stage, _) in stages.items():
            times[name].append(timed(stage))
    print(
        f"{len(paths)} files, {len(records)} records, {n_bytes / 1e6:.1f} MB, {split_all(records)} sentences"
    )
    print("| stage | records/s | MB/s | spread |\n|---|---|---|---|")
    for name, (_, size) in stages.items():
        median = statistics.median(times[name])
        spread = (max(times[name]) - min(times[name])) / median
        print(f"| {name} | {len(records) / median:,.0f} | {size / median / 1e6:.1f} | {spread:.0%} |")
    total = sum(statistics.median(times[name]) for name in stages)
    print(f"| all | {len(records) / total:,.0f} | {n_bytes / total / 1e6:.1f} | |")


if __name__ == "__main__":
    main()
