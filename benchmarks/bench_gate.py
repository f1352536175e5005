"""Measures a gate on MEDLINE files: cost a citation, ROC of the citation level, what passes.

    PYTHONPATH=. python benchmarks/bench_gate.py BUNDLE FILE.xml.gz...

A citation counts as of oncology when its title has a term of a cancer (the pattern below); one whose text or
MeSH has such terms in the abstract only is left out of the ROC, for a pattern cannot tell.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable
from itertools import compress
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from extract.bundle import open_bundle
from extract.evidence import draw_sample
from extract.gate import domain_scores, open_gate
from extract.records import Citation
from extract.sentences import split_sentences
from extract.source import check_source, iter_records

TERM = re.compile(
    r"cancer|carcino|tumou?r(?! necrosis factor)|neoplas|lymphom|leuk[ae]*mi|melanom|sarcom|myelom|gliom"
    r"|blastom|metasta|malignan|oncolog|mesotheliom|hodgkin|chemotherap|radiotherap|nsclc",
    re.IGNORECASE,
)
REPEATS = 5


def read_citations(paths: list[Path]) -> list[Citation]:
    """Citations with text."""
    found = []
    for path in paths:
        source = check_source(path)
        for piece in source.slices:
            records = iter_records(path, source.format, piece)
            found += [record for record in records if isinstance(record, Citation) and record.fields]
    return found


def microseconds(work: Callable[[], object], n_citations: int) -> float:
    """Least CPU time a citation of some repeats."""
    times = []
    for _ in range(REPEATS):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return min(times) / n_citations * 1e6


def main() -> None:
    gate = open_gate(open_bundle(Path(sys.argv[1])))
    assert gate is not None
    assert gate.terms.domain is not None
    citations = read_citations([Path(name) for name in sys.argv[2:]])
    split = [[(f, s) for f in c.fields for s in split_sentences(f.text, f.sections)] for c in citations]
    pairs = list(zip(citations, split, strict=True))
    verdicts = [gate.judge(*pair) for pair in pairs]
    dropped = [
        list(compress(mine, (not kept for kept in verdict.keep)))
        for mine, verdict in zip(split, verdicts, strict=True)
    ]
    n = len(citations)
    judging = microseconds(lambda: [gate.judge(*pair) for pair in pairs], n)
    drawing = microseconds(
        lambda: [draw_sample(c, gone, gate.audit_share) for c, gone in zip(citations, dropped, strict=True)],
        n,
    )
    n_sentences = sum(map(len, split))
    print(f"{n} citations, {n_sentences} sentences: judging {judging:.1f}, sample {drawing:.1f} us each")
    n_kept = sum(sum(verdict.keep) for verdict in verdicts)
    n_inside = sum(verdict.in_domain for verdict in verdicts)
    print(f"{n_inside} citations pass ({n_inside / n:.1%}), {n_kept} sentences ({n_kept / n_sentences:.2%})")
    rest = ["\n".join([*(f.text for f in c.fields[1:]), *c.mesh]) for c in citations]
    oncology = np.array([bool(TERM.search(c.fields[0].text)) for c in citations])
    clear = oncology | np.array([not TERM.search(text) for text in rest])
    texts = ["\n".join([*(f.text for f in c.fields), *c.mesh]) for c in citations]
    scores = np.array(domain_scores(gate.terms.domain, texts))
    inside = np.array([verdict.in_domain for verdict in verdicts])
    counts = (int(which.sum()) for which in (oncology, clear & ~oncology, ~clear))
    shown = "{} of oncology, {} not, {} unclear".format(*counts)
    print(f"{shown}; AUC {roc_auc_score(oncology[clear], scores[clear]):.4f}")
    for factor in (0.5, 1.0, 1.5, 2.0, 3.0):
        passes = scores >= factor * gate.terms.domain.threshold
        hit, false = passes[oncology].mean(), passes[clear & ~oncology].mean()
        print(f"threshold x {factor}: true positive rate {hit:.3f}, false positive rate {false:.3f}")
    print(
        "confusion, short ones passed: "
        f"TP {int(inside[oncology].sum())} FN {int((~inside[oncology]).sum())} "
        f"FP {int(inside[clear & ~oncology].sum())} TN {int((~inside[clear & ~oncology]).sum())}"
    )
    for citation, verdict in zip(citations, verdicts, strict=True):
        if TERM.search(citation.fields[0].text) and not verdict.in_domain:
            print(f"missed: {citation.doc_id} {citation.fields[0].text[:90]}")


if __name__ == "__main__":
    main()
