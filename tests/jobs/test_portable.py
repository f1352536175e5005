"""An error keeps its type on the way from a worker, whatever caused it."""

from __future__ import annotations

from pathlib import Path

import pytest
from distributed import Client

from extract import reasons
from extract.errors import SourceError
from extract.source import check_source
from jobs.portable import call_portably


def test_error_with_a_parsers_error_behind_it_arrives_as_itself(cluster_address: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.xml"
    path.write_text("<?xml version='1.0'?>\n<PubmedArticleSet>\n<PubmedArticle>\n</PubmedArticleSet>")
    with Client(cluster_address) as client, pytest.raises(SourceError) as caught:
        client.submit(call_portably, check_source, path, pure=False).result()
    assert caught.value.what == reasons.XML_ERROR
    assert "line 4" in str(caught.value)


def test_result_is_handed_on() -> None:
    assert call_portably(len, "abc") == 3
