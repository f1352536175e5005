"""MEDLINE XML: which elements are read, which are left out, and what becomes of bad records."""

from __future__ import annotations

from pathlib import Path

import pytest

from extract import reasons
from extract.records import Citation, Deletion, Rejected, Section
from extract.source import check_source
from tests.extract.files import article, article_set, citation, read_all, read_file, write_gz

STRUCTURED = (
    '<AbstractText Label="METHODS" NlmCategory="METHODS">We gave 10<sup>9</sup>/L.</AbstractText>'
    '<AbstractText Label="UNLABELLED" NlmCategory="UNASSIGNED">No name.</AbstractText>'
    '<AbstractText NlmCategory="RESULTS">It <i>worked</i>.</AbstractText>'
    '<AbstractText Label="EMPTY"> </AbstractText>'
    "<AbstractText>The end.</AbstractText>"
    "<CopyrightInformation>Copyright 2026.</CopyrightInformation>"
)
MESH = (
    "<MeshHeadingList><MeshHeading><DescriptorName>Humans</DescriptorName></MeshHeading><MeshHeading>"
    "<DescriptorName>Neoplasms</DescriptorName><QualifierName>drug therapy</QualifierName></MeshHeading>"
    "</MeshHeadingList><OtherAbstract><AbstractText>Autre.</AbstractText></OtherAbstract>"
    '<CommentsCorrectionsList><CommentsCorrections><PMID Version="1">7</PMID></CommentsCorrections>'
    "</CommentsCorrectionsList>"
)


def write(path: Path, *units: str) -> Path:
    return write_gz(path / "pubmed26n0001.xml.gz", article_set(units))


def test_citation_is_read_whole(tmp_path: Path) -> None:
    (record,) = read_file(
        write(tmp_path, article(123, "[A <i>title</i>].", STRUCTURED, mesh=MESH, version="2"))
    )
    assert isinstance(record, Citation)
    assert (record.doc_id, record.pmid, record.pmid_version, record.position) == ("123", 123, 2, 0)
    title, abstract = record.fields
    assert (title.name, title.text, title.sections) == ("title", "[A title].", (Section("title", 0, 10),))
    assert abstract.text == "We gave 10^9/L.\nNo name.\nIt worked.\nThe end."
    labels = [(section.label, abstract.text[section.start : section.end]) for section in abstract.sections]
    assert labels == [
        ("METHODS", "We gave 10^9/L."),
        ("abstract", "No name."),
        ("RESULTS", "It worked."),
        ("abstract", "The end."),
    ]
    assert record.mesh == ("Humans", "Neoplasms")


def test_old_root_is_read(tmp_path: Path) -> None:
    path = tmp_path / "medline16n0902.xml"
    deletions = '<DeleteCitation><PMID Version="1">5</PMID><PMID>6</PMID></DeleteCitation>'
    path.write_text(f"<MedlineCitationSet>{citation(1)}{citation(2)}{deletions}</MedlineCitationSet>")
    source = check_source(path)
    assert (source.n_records, source.year, source.number) == (4, 2016, 902)
    assert read_all(source)[2:] == [Deletion(5, 1, 2), Deletion(6, 1, 3)]


def test_title_alone_and_no_text_at_all(tmp_path: Path) -> None:
    bare = "<PubmedArticle><MedlineCitation><PMID>9</PMID></MedlineCitation></PubmedArticle>"
    title_only, empty, no_article = read_file(write(tmp_path, article(1), article(2, ""), bare))
    assert isinstance(title_only, Citation)
    assert [field.name for field in title_only.fields] == ["title"]
    assert isinstance(empty, Citation)
    assert empty.fields == ()
    assert no_article == Citation("9", 9, 1, 2, ())


def test_book_is_counted_and_its_text_is_not_read(tmp_path: Path) -> None:
    book = (
        "<PubmedBookArticle><BookDocument><PMID Version='1'>20301295</PMID><ArticleTitle>Book</ArticleTitle>"
        "</BookDocument></PubmedBookArticle>"
    )
    assert read_file(write(tmp_path, book)) == [Citation("20301295", 20301295, 1, 0, ())]


@pytest.mark.parametrize("pmid", ["", "0", "012", "12/../../x", "1234567890", "-3", "٣", "x" * 500, "1 2"])
def test_bad_pmid_costs_one_record(tmp_path: Path, pmid: str) -> None:
    before, rejected, after = read_file(write(tmp_path, article(1), article(pmid), article(2)))
    assert isinstance(before, Citation)
    assert isinstance(after, Citation)
    assert isinstance(rejected, Rejected)
    assert (rejected.reason, rejected.position) == (reasons.BAD_PMID, 1)
    assert len(rejected.doc_id) <= 64
    assert "\n" not in rejected.detail


def test_space_round_a_pmid_is_no_harm(tmp_path: Path) -> None:
    (record,) = read_file(write(tmp_path, article(" 12\n")))
    assert record.doc_id == "12"  # type: ignore[union-attr]


@pytest.mark.parametrize("version", ["0", "x", "40000", "1.5", ""])
def test_bad_version_is_rejected(tmp_path: Path, version: str) -> None:
    (record,) = read_file(write(tmp_path, article(12, version=version)))
    assert isinstance(record, Rejected)
    assert (record.reason, record.doc_id) == (reasons.BAD_VERSION, "12")


def test_record_without_pmid_or_citation_is_rejected(tmp_path: Path) -> None:
    no_pmid = "<PubmedArticle><MedlineCitation><Article/></MedlineCitation></PubmedArticle>"
    records = read_file(write(tmp_path, no_pmid, "<PubmedArticle/>", '<PubmedArticle a="b" />'))
    assert [record.reason for record in records if isinstance(record, Rejected)] == [reasons.BAD_PMID] * 3


def test_bad_pmid_in_a_deletion_is_rejected(tmp_path: Path) -> None:
    deletion = "<DeleteCitation><PMID>x</PMID><PMID Version='3'>4</PMID></DeleteCitation>"
    rejected, deleted = read_file(write(tmp_path, deletion))
    assert isinstance(rejected, Rejected)
    assert deleted == Deletion(4, 3, 1)


MERGED = (
    "<PubmedArticle>" + citation(7) + citation(8) + "</PubmedArticle>",
    article(7).replace("</Article>", "</Article><Article><ArticleTitle>Other.</ArticleTitle></Article>"),
    article(7).replace("</ArticleTitle>", "</ArticleTitle><ArticleTitle>Other.</ArticleTitle>"),
    article(7, "T", "<AbstractText>A.</AbstractText>").replace(
        "</Abstract>", "</Abstract><Abstract><AbstractText>B.</AbstractText></Abstract>"
    ),
)


@pytest.mark.parametrize("unit", MERGED)
def test_record_that_is_two_is_rejected_rather_than_half_read(tmp_path: Path, unit: str) -> None:
    """A file that lost a line in between joins two records; one of them would go without a word."""
    before, rejected, after = read_file(write(tmp_path, article(1), unit, article(2)))
    assert isinstance(rejected, Rejected)
    assert (rejected.reason, rejected.position) == (reasons.BAD_RECORD, 1)
    assert isinstance(before, Citation)
    assert isinstance(after, Citation)


@pytest.mark.parametrize("pmids", ["<PMID>1</PMID><PMID>2</PMID>", "<PMID>12<i>3</i></PMID>"])
def test_identity_is_never_half_of_what_is_there(tmp_path: Path, pmids: str) -> None:
    unit = f"<PubmedArticle><MedlineCitation>{pmids}</MedlineCitation></PubmedArticle>"
    (record,) = read_file(write(tmp_path, unit))
    assert isinstance(record, Rejected)
    assert record.reason == reasons.BAD_PMID


def test_order_to_delete_that_is_no_pmid_is_rejected(tmp_path: Path) -> None:
    rejected, deleted = read_file(
        write(tmp_path, "<DeleteCitation><X><PMID>3</PMID></X><PMID>4</PMID></DeleteCitation>")
    )
    assert isinstance(rejected, Rejected)
    assert deleted == Deletion(4, 1, 1)


def test_names_count_in_any_namespace(tmp_path: Path) -> None:
    section = '<AbstractText xmlns="urn:x">All of it.</AbstractText>'
    (record,) = read_file(
        write(tmp_path, article(5, "T", section).replace("<Article>", '<Article xmlns="urn:y">'))
    )
    assert isinstance(record, Citation)
    assert [field.text for field in record.fields] == ["T", "All of it."]


def test_real_files_hold_what_is_known_of_them(shared_data: Path) -> None:
    folder = shared_data / "medline"
    counts = {path.name: check_source(path).n_records for path in sorted(folder.glob("*.xml.gz"))}
    assert counts == {
        "medline16n0902.xml.gz": 605,
        "rct26n0001.xml.gz": 1000,
        "rct26n0002.xml.gz": 1000,
        "rct26n0003.xml.gz": 1000,
        "test_current.xml.gz": 4,
    }
    records = read_file(folder / "medline16n0902.xml.gz", slice_records=100)
    assert records[-1] == Deletion(26432306, 1, 604)
    citations = records[:-1]
    assert all(isinstance(record, Citation) for record in citations)
    assert [record.position for record in records] == list(range(605))
    assert len({record.pmid for record in citations if isinstance(record, Citation)}) == 604
    assert not any("\n" in field.text for record in citations for field in record.fields[:1])  # type: ignore[union-attr]
