"""The yardstick of bench_job.py: the model alone, over the sentences that the job gives it.

    python benchmarks/bare_model.py BUNDLE PROCESSES gated|all INPUT...

Every process opens the bundle and makes its sentences ready; then all are let go at once and only tag. They
get the sentences of 5,000 citations a call, as shards do. Prints one JSON object.
"""

from __future__ import annotations

import json
import multiprocessing
import resource
import sys
import time
from itertools import compress
from multiprocessing.synchronize import Barrier

from extract.bundle import open_bundle
from extract.gate import Gate, open_gate
from extract.inputs import find_inputs
from extract.records import Citation
from extract.registry import find_bundle
from extract.sentences import split_sentences
from extract.source import check_source, iter_records
from extract.tagger import open_tagger

CITATIONS_A_CALL = 5000

Told = tuple[float, float, float, int, int, int]
"""What a process tells: start, end, CPU seconds, citations, tokens, peak resident bytes."""


def sentences_of(citation: Citation, gate: Gate | None) -> list[str]:
    """The sentences of a citation that go to the model."""
    found = [
        (field, sentence)
        for field in citation.fields
        for sentence in split_sentences(field.text, field.sections)
    ]
    kept = compress(found, gate.keep(citation, found)) if gate else found
    return [field.text[sentence.start : sentence.end] for field, sentence in kept]


def read_calls(inputs: list[str], share: tuple[int, int], gate: Gate | None) -> tuple[int, list[list[str]]]:
    """Every so many-th slice of the inputs: number of citations, and the sentences of each."""
    number, of = share
    n_citations, index = 0, 0
    calls: list[list[str]] = []
    for path in find_inputs(inputs):
        source = check_source(path, slice_records=CITATIONS_A_CALL // of)
        for piece in source.slices:
            index += 1
            if index % of == number:
                records = [r for r in iter_records(path, source.format, piece) if isinstance(r, Citation)]
                n_citations += len(records)
                calls.append([text for citation in records for text in sentences_of(citation, gate)])
    return n_citations, calls


def tag_share(name: str, share: tuple[int, int], gated: bool, inputs: list[str], ready: Barrier) -> Told:
    """One process's work."""
    bundle = open_bundle(find_bundle(name))
    tagger, gate = open_tagger(bundle), open_gate(bundle) if gated else None
    n_citations, calls = read_calls(inputs, share, gate)
    ready.wait()
    started, cpu = time.monotonic(), time.process_time()
    n_tokens = sum(int(tagger.tag(texts).n_tokens.sum()) for texts in calls)
    ended, cpu = time.monotonic(), time.process_time() - cpu
    return (
        started,
        ended,
        cpu,
        n_citations,
        n_tokens,
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    )


def main(name: str, n_processes: int, sentences: str, inputs: list[str]) -> None:
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, context.Pool(n_processes) as pool:
        ready = manager.Barrier(n_processes)
        shares = [(name, (i, n_processes), sentences == "gated", inputs, ready) for i in range(n_processes)]
        told = pool.starmap(tag_share, shares, chunksize=1)
    starts, ends, cpu, citations, tokens, peaks = zip(*told, strict=True)
    report = {
        "seconds": max(ends) - min(starts),
        "citations": sum(citations),
        "tokens": sum(tokens),
        "peak_rss_bytes": sum(peaks),
        "cpu_seconds": sum(cpu),
    }
    json.dump(report, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4:])
