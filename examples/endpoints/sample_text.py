"""Paragraphs of an article collection as plain text, one a line, to choose a vocabulary by.

    python examples/endpoints/sample_text.py rct_fulltext.jsonl.gz > sample.txt

Reads gzipped ``{"paragraphs": [...]}`` lines; takes every sixth paragraph of the first 3,000 articles.
"""

from __future__ import annotations

import gzip
import itertools
import json
import sys
from pathlib import Path

ARTICLES = 3000
EVERY = 6


def main(path: Path) -> None:
    """Write the sample to stdout."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        articles = (json.loads(line) for line in itertools.islice(lines, ARTICLES))
        paragraphs = (paragraph for article in articles for paragraph in article["paragraphs"])
        for paragraph in itertools.islice(paragraphs, 0, None, EVERY):
            sys.stdout.write(" ".join(paragraph.split("\n")) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
