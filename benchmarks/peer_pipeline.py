"""The peer of bench_job.py: Hugging Face's pipeline over the sentences of the first citations of some inputs.

    python benchmarks/peer_pipeline.py CHECKPOINT CITATIONS INPUT...

Prints one JSON object. Only the pipeline's own work is timed, after one batch to warm up.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Iterator
from itertools import islice

from extract.inputs import find_inputs
from extract.records import Citation
from extract.sentences import split_sentences
from extract.source import check_source, iter_records

BATCH_SIZE = 16


def iter_citations(inputs: list[str]) -> Iterator[Citation]:
    for path in find_inputs(inputs):
        source = check_source(path)
        for piece in source.slices:
            for record in iter_records(path, source.format, piece):
                if isinstance(record, Citation):
                    yield record


def sentences_of(citation: Citation) -> list[str]:
    return [
        field.text[sentence.start : sentence.end]
        for field in citation.fields
        for sentence in split_sentences(field.text, field.sections)
    ]


def main(checkpoint: str, n_citations: int, inputs: list[str]) -> None:
    from transformers import pipeline

    citations = list(islice(iter_citations(inputs), n_citations))
    sentences = [sentence for citation in citations for sentence in sentences_of(citation)]
    tag = pipeline("token-classification", model=checkpoint, device="cpu", aggregation_strategy="simple")
    tag(sentences[:BATCH_SIZE], batch_size=BATCH_SIZE)
    started = time.perf_counter()
    tag(sentences, batch_size=BATCH_SIZE)
    seconds = time.perf_counter() - started
    n_tokens = sum(map(len, tag.tokenizer(sentences, add_special_tokens=False)["input_ids"]))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    report = {"seconds": seconds, "citations": len(citations), "tokens": n_tokens, "peak_rss_bytes": peak}
    json.dump(report, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
