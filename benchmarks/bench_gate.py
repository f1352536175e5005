"""Measures a gate on MEDLINE files: ROC and confusion of the citation level, what passes, false finds, cost.

    PYTHONPATH=. python benchmarks/bench_gate.py BUNDLE FILE.xml.gz... [--save] [--judged LIST]

``--save`` notes the result in the bundle's gate and draws the ROC into ``docs/images/gate.svg``.
``--judged`` counts the finds of a list (``benchmarks/gate-judged.jsonl``) with the gate and without.

A citation counts as of oncology when its title has a term of a cancer (the pattern below); one that has such
terms in abstract or MeSH only is unclear, and left out of the ROC.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from compress.gating.gate import write_gate
from compress.gating.judged import Judged, digest_of, read_judged
from extract.bundle import open_bundle
from extract.gate import Gate, domain_scores, open_gate
from extract.gate_audit import upper_bound
from extract.records import Citation, Field, Sentence
from extract.sentences import split_sentences
from extract.source import check_source, iter_records

TERM = re.compile(
    r"cancer|carcino|tumou?r(?! necrosis)|neoplas|lymphom|leuk[ae]*mi|melanom|sarcom|myelom|gliom"
    r"|blastom|metasta|malignan|oncolog|mesotheliom|hodgkin|chemotherap|radiotherap|nsclc",
    re.IGNORECASE,
)
REPEATS = 5
FACTORS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, float("inf"))
PICTURE = Path(__file__).parents[1] / "docs" / "images" / "gate.svg"
Split = list[tuple[Field, Sentence]]


def read_citations(paths: Sequence[Path]) -> list[Citation]:
    """Citations with text."""
    found = []
    for path in paths:
        source = check_source(path)
        for piece in source.slices:
            records = iter_records(path, source.format, piece)
            found += [record for record in records if isinstance(record, Citation) and record.fields]
    return found


def class_of(citation: Citation) -> str:
    """Whether a citation is of oncology, as far as a pattern tells."""
    if TERM.search(citation.fields[0].text):
        return "oncology"
    rest = "\n".join([*(part.text for part in citation.fields[1:]), *citation.mesh])
    return "unclear" if TERM.search(rest) else "other"


def microseconds(work: Callable[[], object], n_citations: int) -> float:
    """Least CPU time a citation of some repeats."""
    times = []
    for _ in range(REPEATS):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return round(min(times) / n_citations * 1e6, 1)


def measure_roc(gate: Gate, citations: Sequence[Citation], classes: Sequence[str]) -> dict[str, Any]:
    """The citation level, short citations left to their score."""
    assert gate.terms.domain is not None
    texts = ["\n".join([*(part.text for part in c.fields), *c.mesh]) for c in citations]
    scores = np.array(domain_scores(gate.terms.domain, texts)) / gate.terms.domain.threshold
    oncology, other = (np.array([name == kind for name in classes]) for kind in ("oncology", "other"))
    clear = oncology | other
    points = [
        {
            "threshold": factor if np.isfinite(factor) else None,
            "true_positive_rate": round(float((scores[oncology] >= factor).mean()), 4),
            "false_positive_rate": round(float((scores[other] >= factor).mean()), 4),
        }
        for factor in FACTORS
    ]
    return {"auc": round(float(roc_auc_score(oncology[clear], scores[clear])), 4), "roc": points}


def measure_passing(
    gate: Gate, citations: Sequence[Citation], splits: Sequence[Split], classes: Sequence[str]
) -> dict[str, Any]:
    """What passes of each class, short citations passed, and what judging costs."""
    pairs = list(zip(citations, splits, strict=True))
    verdicts = [gate.judge(*pair) for pair in pairs]
    inside = Counter(name for name, verdict in zip(classes, verdicts, strict=True) if verdict.in_domain)
    of = Counter(classes)
    n, n_sentences = len(citations), sum(map(len, splits))
    return {
        "citations": {
            name: {"of": of[name], "pass": inside[name]} for name in ("oncology", "unclear", "other")
        },
        "citations_passed": round(sum(inside.values()) / n, 4),
        "sentences": n_sentences,
        "sentences_passed": round(sum(sum(v.keep) for v in verdicts) / n_sentences, 4),
        "microseconds": microseconds(lambda: [gate.judge(*pair) for pair in pairs], n),
    }


def count_finds(
    gate: Gate,
    citations: Sequence[Citation],
    splits: Sequence[Split],
    classes: Sequence[str],
    judged: Sequence[Judged],
) -> dict[str, Any]:
    """Sentences with false finds by class, and true finds, with the gate and without."""
    rows = {(row.doc, row.digest): row for row in judged}
    false: dict[str, Counter[str]] = {"gate_off": Counter(), "gate_on": Counter()}
    true = Counter[str]()
    for citation, split, name in zip(citations, splits, classes, strict=True):
        keep = gate.keep(citation, split)
        for (part, sentence), kept in zip(split, keep, strict=True):
            row = rows.pop((citation.doc_id, digest_of(part.text[sentence.start : sentence.end])), None)
            if row is None:
                continue
            true.update(gate_off=row.n_true, gate_on=row.n_true * kept)
            if row.n_false and not row.n_true:
                false["gate_off"][name] += 1
                false["gate_on"][name] += kept
    n_outside = sum(name != "oncology" for name in classes)
    rates = {}
    for setting, counts in false.items():
        n_false = counts["other"] + counts["unclear"]
        rates[setting] = {
            **{name: counts[name] for name in ("oncology", "unclear", "other")},
            "per_1000_outside": round(n_false / n_outside * 1000, 2),
            "per_1000_outside_upper_95": round(upper_bound(n_false, n_outside) * 1000, 2),
        }
    return {"true_finds": dict(true), "sentences_with_a_false_find": rates, "citations_outside": n_outside}


def draw_roc(measured: dict[str, Any], path: Path) -> None:
    """The ROC as SVG, false positives up to 5 %."""
    left, top, width, height, most = 60, 40, 440, 300, 0.05
    points = sorted((p["false_positive_rate"], p["true_positive_rate"]) for p in measured["roc"])
    shown = [point for point in points if point[0] <= most] + [(most, 1.0)]
    line = " ".join(f"{left + x / most * width:.1f},{top + (1 - y) * height:.1f}" for x, y in shown)
    ticks = [
        f'<text x="{left + step * width / 5:.0f}" y="{top + height + 18}" text-anchor="middle">'
        f'{step} %</text><text x="{left - 8}" y="{top + height - step * height / 5 + 4:.0f}" '
        f'text-anchor="end">{step * 20} %</text>'
        for step in range(6)
    ]
    path.parent.mkdir(exist_ok=True)
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 520 400" '
        f'font-family="sans-serif" font-size="12">'
        f'<rect width="520" height="400" fill="#fff"/>'
        f'<text x="{left}" y="24" font-size="14">The citation level: AUC {measured["auc"]}</text>'
        f'<rect x="{left}" y="{top}" width="{width}" height="{height}" fill="none" stroke="#888"/>'
        f'<polyline points="{line}" fill="none" stroke="#06c" stroke-width="2"/>'
        f'{"".join(ticks)}<text x="{left + width / 2}" y="{top + height + 42}" text-anchor="middle">'
        f"other citations that pass</text>"
        f'<text transform="translate(14 {top + height / 2}) rotate(-90)" text-anchor="middle">'
        f"oncology citations that pass</text></svg>\n",
        encoding="utf-8",
    )


def main() -> None:
    save = "--save" in sys.argv
    words = [word for word in sys.argv[1:] if word != "--save"]
    judged = Path(words.pop(words.index("--judged") + 1)) if "--judged" in words else None
    bundle, *files = [Path(word) for word in words if word != "--judged"]
    gate = open_gate(open_bundle(bundle))
    assert gate is not None
    measured: dict[str, Any] = {}
    citations = read_citations(files)
    splits: list[Split] = [
        [(f, s) for f in c.fields for s in split_sentences(f.text, f.sections)] for c in citations
    ]
    classes = [class_of(citation) for citation in citations]
    measured |= measure_roc(gate, citations, classes) | measure_passing(gate, citations, splits, classes)
    if judged:
        measured |= count_finds(gate, citations, splits, classes, read_judged(judged))
    print(json.dumps(measured, indent=1))
    if save:
        terms = replace(gate.terms, measured={**gate.terms.measured, "medline": measured})
        write_gate(bundle, terms, None)
        draw_roc(measured, PICTURE)


if __name__ == "__main__":
    main()
