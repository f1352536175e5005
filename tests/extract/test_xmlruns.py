"""The quick way through plain XML gives what the exact way gives, and leaves to it what is not plain."""

from __future__ import annotations

from pathlib import Path

import pytest

from extract import bytestream, xmlstream
from extract.errors import SourceError
from extract.records import Citation
from extract.source import Record, SourceFile, check_source
from extract.xmlruns import NotPlain
from tests.extract.files import DECLARATION, DOCTYPE, article, article_set, citation, read_all, write_gz


def never_plain(*_: object) -> list[tuple[int, int, int]]:
    raise NotPlain


def outcome(path: Path) -> tuple[SourceFile, list[Record]] | str:
    """What a file gives, or why it is refused."""
    try:
        source = check_source(path, slice_records=3)
        return source, read_all(source)
    except SourceError as error:
        return str(error)


def both_ways(path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[SourceFile, list[Record]] | str:
    """The outcome; fails unless it is the same with the quick way closed."""
    quick = outcome(path)
    with monkeypatch.context() as patch:
        patch.setattr(xmlstream, "scan_runs", never_plain)
        patch.setattr(xmlstream, "iter_run_units", never_plain)
        assert outcome(path) == quick
    return quick


def read_both_ways(path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[SourceFile, list[Record]]:
    found = both_ways(path, monkeypatch)
    assert not isinstance(found, str), found
    return found


ORDINARY = [
    article(n, f"Title {n} &amp; more &#945;", "<AbstractText>Text <i>in</i> it.</AbstractText>")
    for n in range(1, 11)
]
DELETIONS = '<DeleteCitation><PMID Version="1">7</PMID>\n<PMID Version="2">8</PMID></DeleteCitation>'


def test_plain_file_is_cut_and_read_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_gz(tmp_path / "a.xml.gz", article_set([*ORDINARY, DELETIONS]))
    source, records = read_both_ways(path, monkeypatch)
    assert (len(source.slices), len(records)) == (4, 12)


@pytest.mark.parametrize(
    "units",
    [
        [*ORDINARY, "<!-- <PubmedArticle> -->", *ORDINARY],
        [*ORDINARY, article(20, "A <![CDATA[<PubmedArticle>]]> title")],
        [*ORDINARY, article(20, "A <?x <PubmedArticle> ?> title")],
        [*ORDINARY, f"<Other>{article(20)}</Other>", article(21)],
        [*ORDINARY, "<Other/>", article(21)],
        [*ORDINARY, article(20, "A <PubmedArticle>title</PubmedArticle>")],
        [*ORDINARY, "words between", article(21)],
        [*ORDINARY, article(20, "A title with <DeleteCitation/> in it")],
        [*ORDINARY, article(20, "x" * (3 << 20)), article(21)],
    ],
    ids=["comment", "cdata", "instruction", "wrapped", "stranger", "nested", "text", "nested other", "large"],
)
def test_what_is_not_plain_has_the_same_outcome(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, units: list[str]
) -> None:
    both_ways(write_gz(tmp_path / "a.xml.gz", article_set(units)), monkeypatch)


@pytest.mark.parametrize(
    "head",
    [
        '<?xml version="1.0" encoding="ISO-8859-1"?>\n<PubmedArticleSet>',
        '<!DOCTYPE PubmedArticleSet [<!ATTLIST PMID Version CDATA "9">]>\n<PubmedArticleSet>',
        '<PubmedArticleSet xmlns:x="urn:x">\n<!-- <PubmedArticle> -->',
        "<PubmedArticleSet>\n<!-- <PubmedArticleSet> -->\n",
        '\ufeff<?xml version="1.0" encoding="UTF-8"?>\n<PubmedArticleSet >',
    ],
)
def test_head_counts_as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, head: str) -> None:
    units = "\n".join(unit.replace(' Version="1"', "") for unit in ORDINARY)
    path = write_gz(tmp_path / "a.xml.gz", f"{head}{units}</PubmedArticleSet>".encode())
    _, records = read_both_ways(path, monkeypatch)
    assert len(records) == 10


def test_older_form_with_an_end_tag_of_its_own_shape(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    units = "\n".join(citation(n) for n in range(1, 9))
    content = f"{DECLARATION}<MedlineCitationSet>{units}\n</MedlineCitationSet  >\n"
    _, records = read_both_ways(write_gz(tmp_path / "a.xml.gz", content.encode()), monkeypatch)
    assert len(records) == 8


def test_file_that_a_document_type_names_is_not_opened(tmp_path: Path) -> None:
    """lxml opens it when identifiers are not collected and a document type is there."""
    (tmp_path / "x.dtd").write_text('<!ATTLIST PMID Version CDATA "9">')
    doctype = f'<!DOCTYPE PubmedArticleSet SYSTEM "{(tmp_path / "x.dtd").as_uri()}">\n'
    units = [unit.replace(' Version="1"', "") for unit in ORDINARY]
    records = read_all(check_source(write_gz(tmp_path / "a.xml.gz", article_set(units, doctype=doctype))))
    assert {record.pmid_version for record in records if isinstance(record, Citation)} == {1}


@pytest.mark.parametrize(
    "wrong", ["<PubmedArticle><a></PubmedArticle>", "<a>" * 300 + "</a>" * 300, "&nbsp;"]
)
def test_what_is_wrong_is_refused_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    units = [*ORDINARY, article(11, wrong), *ORDINARY]
    path = write_gz(tmp_path / "a.xml.gz", article_set(units, doctype=DOCTYPE))
    assert isinstance(both_ways(path, monkeypatch), str)


@pytest.mark.parametrize(
    "rest", ["", "</PubmedArticleSet>" + ORDINARY[0] + "</PubmedArticleSet>", "</Other>"]
)
def test_set_that_does_not_end_as_it_must_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rest: str
) -> None:
    """Runs are given an end tag of ours; the last one must have its own, or a cut file would pass."""
    monkeypatch.setattr(bytestream, "CHUNK_BYTES", 400)
    monkeypatch.setattr(xmlstream, "HEAD_BYTES", 400)
    content = (DECLARATION + "<PubmedArticleSet>" + "".join(ORDINARY) + rest).encode()
    said = both_ways(write_gz(tmp_path / "a.xml.gz", content), monkeypatch)
    assert isinstance(said, str)
    assert "xml_error" in said


def test_declared_encoding_is_held_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = (
        f'<?xml version="1.0" encoding="us-ascii"?><PubmedArticleSet>{article(1, "é")}</PubmedArticleSet>'
    )
    assert isinstance(both_ways(write_gz(tmp_path / "a.xml.gz", content.encode()), monkeypatch), str)


def test_real_files_are_read_the_same(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("medline16n0902.xml.gz", "test_current.xml.gz"):
        read_both_ways(shared_data / "medline" / name, monkeypatch)
