"""Responsible for sentences that hold no oncology endpoint, though they look as if they might.

    python examples/endpoints/make_negatives.py rct_fulltext.jsonl.gz negatives.jsonl

reads articles (``{"doc", "paragraphs"}`` a line, gzipped) and writes annotated sentences without entities,
for ``extract models train --also negatives.jsonl``. Only articles that never mention cancer are used.
Taken are 300 sentences with a value that speak of survival, response or relapse of something else (grafts,
viruses, depression ...) and name no endpoint, and 250 with a value that speak of none of these. Same
input, same output.
"""

from __future__ import annotations

import gzip
import json
import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from extract.records import Section
from extract.sentences import split_sentences

LOOK_ALIKES = 300
ORDINARY = 250

_ONCOLOGY = re.compile(
    r"cancer|tumou?r|carcinom|neoplas|oncolog|leuk|lymphom|myelom|melanom|sarcom|glioma|glioblast|metasta"
    r"|chemother|malignan|blastoma|myelodys|radiother",
    re.IGNORECASE,
)
_OUTCOME = re.compile(
    r"surviv|respon|progress|relapse|recurr|remission|disease[- ]free"
    r"|\bOS\b|\bPFS\b|\bORR\b|\bRR\b|\bDFS\b|\bDoR\b",
    re.IGNORECASE,
)
_VALUE = re.compile(
    r"\d\s*[%％]|\d\s*-?\s*(months?|mo\b|years?|yrs?|weeks?|wks?|days)|not reached|\bNR\b", re.IGNORECASE
)
_STATISTICS = re.compile(r"months|years|%|95|CI\b|hazard|median", re.IGNORECASE)
_OTHER_FIELD = re.compile(
    r"\b(graft|implant|renal|kidney|restoration|tooth|dental|patency|transplant|virolog\w*|viral|HCV|HBV|HIV"
    r"|antibod\w+|immune|vaccin\w+|placebo response|depress\w+|HAM-?D|HDRS|MADRS|ACR20|PASI|pain|seizure"
    r"|migraine|asthma|sepsis|ICU|ventilat\w+|cardiac arrest|stroke|malaria|fever|wound|ulcer|infection"
    r"|pregnan\w+|infant|neonat\w+|children)\b",
    re.IGNORECASE,
)
_ENDPOINT = re.compile(
    r"overall survival|progression[- ]free|disease[- ]free|relapse[- ]free|recurrence[- ]free"
    r"|objective response|overall response|tumou?r response|duration of response"
    r"|\bOS\b|\bPFS\b|\bORR\b|\bDFS\b|\bRFS\b|\bDoR\b",
    re.IGNORECASE,
)


def iter_articles(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Documents and paragraphs of the articles that never mention cancer."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            article = json.loads(line)
            if not any(_ONCOLOGY.search(paragraph) for paragraph in article["paragraphs"]):
                yield article["doc"], article["paragraphs"]


def iter_sentences(paragraphs: list[str]) -> Iterator[str]:
    """Sentences of middling length with a digit."""
    for paragraph in paragraphs:
        if not re.search(r"\d", paragraph):
            continue
        for sentence in split_sentences(paragraph, [Section("abstract", 0, len(paragraph))]):
            text = paragraph[sentence.start : sentence.end]
            if 25 < len(text) < 600 and re.search(r"\d", text):
                yield text


def make_negatives(path: Path) -> list[tuple[str, str]]:
    """(document, sentence) of each negative."""
    rng = random.Random(0)
    found: list[tuple[bool, str, str]] = []
    for doc, paragraphs in iter_articles(path):
        for text in iter_sentences(paragraphs):
            if _OUTCOME.search(text):
                if not _ENDPOINT.search(text) and _OTHER_FIELD.search(text) and _VALUE.search(text):
                    found.append((True, doc, text))
            elif _VALUE.search(text) and _STATISTICS.search(text) and rng.random() < 0.02:
                found.append((False, doc, text))
    rng.shuffle(found)
    look_alikes = [(doc, text) for is_look_alike, doc, text in found if is_look_alike]
    ordinary = [(doc, text) for is_look_alike, doc, text in found if not is_look_alike]
    return look_alikes[:LOOK_ALIKES] + ordinary[:ORDINARY]


def main(source: str, target: str) -> None:
    rows = [
        {"id": f"N{index}", "doc": doc, "text": text, "entities": []}
        for index, (doc, text) in enumerate(make_negatives(Path(source)))
    ]
    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    Path(target).write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
