"""A peer of bench_job.py: spaCy's small NER pipeline over the sentences of some inputs' first citations.

    python benchmarks/peer_spacy.py PROCESSES CITATIONS INPUT...

The pipeline has the default shape of spaCy's NER and the labels of the embedded model, and is not trained: it
answers nonsense, at about the speed of a trained one. Prints one JSON object. Only the pipeline's own work
is timed, after one batch to warm up.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from itertools import islice

from peer_pipeline import iter_citations, sentences_of

from extract.bundle import open_bundle
from extract.registry import find_bundle


def main(n_processes: int, n_citations: int, inputs: list[str]) -> None:
    import spacy

    citations = list(islice(iter_citations(inputs), n_citations))
    sentences = [sentence for citation in citations for sentence in sentences_of(citation)]
    nlp = spacy.blank("en")
    ner = nlp.add_pipe("ner")
    for tag in open_bundle(find_bundle("pruned25-int8")).tags:
        if tag.startswith("B-"):
            ner.add_label(tag[2:])
    nlp.initialize()
    list(nlp.pipe(sentences[:100]))
    started = time.perf_counter()
    n_tokens = sum(len(doc) for doc in nlp.pipe(sentences, batch_size=256, n_process=n_processes))
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if n_processes > 1:
        peak += n_processes * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    report = {"seconds": seconds, "citations": len(citations), "tokens": n_tokens, "peak_rss_bytes": peak}
    json.dump(report, sys.stdout)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
