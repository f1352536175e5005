"""Checking and slicing source files: damage is refused with its code, and slices lose nothing."""

from __future__ import annotations

import gzip
import hashlib
import random
import socket
import subprocess
import sys
import time
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extract import reasons
from extract.bytestream import Limits
from extract.errors import SourceError
from extract.records import Citation, Rejected
from extract.source import Slice, SourceFile, check_source, iter_records
from tests.extract.files import DECLARATION, article, article_set, read_all, read_file, write_gz

SECTION = "<AbstractText>Median OS was 12 months in arm {n}.</AbstractText>"


@pytest.fixture(scope="module")
def sample() -> bytes:
    """A gzip file of 400 citations whose text does not repeat itself much."""
    rng = random.Random(7)
    words = ["".join(rng.choices("abcdefghij", k=rng.randint(2, 9))) for _ in range(3000)]
    units = (article(n, " ".join(rng.choices(words, k=60)), SECTION.format(n=n)) for n in range(1, 401))
    return gzip.compress(article_set(units), mtime=0)


def refused(path: Path, **limits: int) -> SourceError:
    """The error for which a file is refused: one line, naming the file."""
    with pytest.raises(SourceError) as caught:
        check_source(path, limits=Limits(**limits))
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    return caught.value


def write(path: Path, content: bytes, name: str = "pubmed26n0007.xml.gz") -> Path:
    (path / name).write_bytes(content)
    return path / name


def write_sidecar(path: Path, digest: str) -> None:
    path.with_name(path.name + ".md5").write_text(f"MD5({path.name})= {digest}\n")


PROBE = """
import re, sys
from pathlib import Path
from extract.errors import SourceError
from extract.source import check_source, iter_records
try:
    source = check_source(Path(sys.argv[1]))
{use}
except SourceError as error:
    print(error.what)
# not ru_maxrss, which a new process inherits from the one that started it
print(re.search(r"VmHWM:\\s+([0-9]+) kB", Path("/proc/self/status").read_text())[1])
"""
CHECK_PROBE = PROBE.replace("{use}", "    print(source.n_records)")
READ_PROBE = PROBE.replace(
    "{use}",
    "    print(sum(1 for p in source.slices for _ in iter_records(Path(source.path), source.format, p)))",
)


def run_probe(probe: str, path: Path) -> tuple[str, int]:
    """What a fresh process says of a file, and its peak memory in KiB."""
    command = [sys.executable, "-c", probe, str(path)]
    said, peak = subprocess.run(command, capture_output=True, check=True, text=True).stdout.split()
    return said, int(peak)


# What a file is


def test_source_file_tells_what_was_checked(tmp_path: Path, sample: bytes) -> None:
    path = write(tmp_path, sample)
    source = check_source(path, slice_records=150)
    assert (source.path, source.format, source.n_records) == (str(path), "medline_xml", 400)
    assert (source.year, source.number, source.n_bytes) == (2026, 7, len(sample))
    assert source.sha256 == hashlib.sha256(sample).hexdigest()
    assert [(piece.n_records, piece.first_position) for piece in source.slices] == [
        (150, 0),
        (150, 150),
        (100, 300),
    ]
    assert SourceFile.from_dict(source.to_dict()) == source


@pytest.mark.parametrize(
    ("name", "year", "number"),
    [
        ("pubmed26n0001.xml.gz", 2026, 1),
        ("medline16n0902.xml", 2016, 902),
        ("pubmed26n12345.xml.gz", 2026, 12345),
        ("my26n0001.txt", 2026, 1),
        ("export.xml", None, None),
        ("pubmed26.xml", None, None),
    ],
)
def test_number_is_read_from_the_name(
    tmp_path: Path, name: str, year: int | None, number: int | None
) -> None:
    source = check_source(write(tmp_path, article_set([article(1)]), name))
    assert (source.year, source.number) == (year, number)


def test_set_without_records_is_a_file_without_slices(tmp_path: Path) -> None:
    source = check_source(write(tmp_path, article_set([])))
    assert (source.n_records, source.slices) == (0, ())


# Damage in transit


@pytest.mark.parametrize("cut", ["half", -8, -4, -1])
def test_truncated_gzip_is_refused(tmp_path: Path, sample: bytes, cut: str | int) -> None:
    end = len(sample) // 2 if cut == "half" else int(cut)
    assert refused(write(tmp_path, sample[:end])).what == reasons.GZIP_TRUNCATED


@pytest.mark.parametrize("with_sidecar", [True, False])
def test_every_flipped_bit_is_refused(tmp_path: Path, sample: bytes, with_sidecar: bool) -> None:
    path = write(tmp_path, sample)
    if with_sidecar:
        write_sidecar(path, hashlib.md5(sample).hexdigest())
    found = set()
    for seed in range(30):
        bit = random.Random(seed).randrange(8 * 10, 8 * len(sample))  # the first 10 bytes are a header
        damaged = bytearray(sample)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        found.add(refused(path).what)
    xml = {reasons.XML_ERROR, reasons.BAD_ENCODING, reasons.XML_LIMIT, reasons.XML_ENTITIES_FORBIDDEN}
    gzip_codes = {reasons.GZIP_CORRUPT, reasons.GZIP_TRUNCATED}
    assert found <= ({reasons.MD5_MISMATCH} if with_sidecar else xml | gzip_codes)


@pytest.mark.parametrize("garbage", [b"x", b"<html>not found</html>" * 9])
def test_garbage_after_the_end_is_refused(tmp_path: Path, sample: bytes, garbage: bytes) -> None:
    assert refused(write(tmp_path, sample + garbage)).what in {reasons.GZIP_CORRUPT, reasons.GZIP_TRUNCATED}


def test_gzip_in_several_members_is_one_file(tmp_path: Path) -> None:
    content = article_set(article(n) for n in range(1, 9))
    members = gzip.compress(content[:700]) + gzip.compress(b"") + gzip.compress(content[700:])
    assert check_source(write(tmp_path, members)).n_records == 8


def test_sidecar_that_agrees_is_accepted_in_any_usual_form(tmp_path: Path, sample: bytes) -> None:
    path = write(tmp_path, sample)
    digest = hashlib.md5(sample).hexdigest()
    for text in (f"MD5({path.name})= {digest}\n", f"{digest.upper()}  {path.name}\n", digest):
        path.with_name(path.name + ".md5").write_text(text)
        assert check_source(path).n_records == 400


def test_sidecar_that_differs_or_says_nothing_is_refused(tmp_path: Path, sample: bytes) -> None:
    path = write(tmp_path, sample)
    write_sidecar(path, "0" * 32)
    assert refused(path).what == reasons.MD5_MISMATCH
    path.with_name(path.name + ".md5").write_text("<html>not found</html>")
    with pytest.raises(SourceError, match=reasons.MD5_MISMATCH):
        check_source(path)


# What is no MEDLINE


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", reasons.EMPTY),
        (gzip.compress(b""), reasons.EMPTY),
        (b" \n\n", reasons.EMPTY),
        (b"<!DOCTYPE html><html><head><title>404</title></head><body><br></body></html>", reasons.NOT_PUBMED),
        (b"<HTML><BODY>Service unavailable<p></BODY></HTML>", reasons.NOT_PUBMED),
        (gzip.compress(b"<!doctype html>\n<html lang=en><p>no"), reasons.NOT_PUBMED),
        (b"<article><front/></article>", reasons.NOT_PUBMED),
        (b"<PubmedArticle/>", reasons.NOT_PUBMED),
        (b"just some text", reasons.XML_ERROR),
        (b"<PubmedArticleSet>", reasons.XML_ERROR),
        (b"<PubmedArticleSet><PubmedArticle></PubmedArticleSet>", reasons.XML_ERROR),
        (b"<PubmedArticleSet/><PubmedArticleSet/>", reasons.XML_ERROR),
        (b"<PubmedArticleSet>\0</PubmedArticleSet>", reasons.XML_ERROR),
        (b"<PubmedArticleSet><a>\xe9</a></PubmedArticleSet>", reasons.BAD_ENCODING),
        (b'<?xml version="1.0" encoding="nonsense"?><PubmedArticleSet/>', reasons.BAD_ENCODING),
    ],
)
def test_file_that_is_something_else_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    assert refused(write(tmp_path, content)).what == reason


def test_xml_error_names_the_line(tmp_path: Path) -> None:
    content = article_set([article(1), article(2), "<PubmedArticle></oops>"])
    assert "line 5" in str(refused(write(tmp_path, content)))


def test_wrong_root_is_named(tmp_path: Path) -> None:
    assert "root element <pmc-articleset>" in str(refused(write(tmp_path, b"<pmc-articleset/>")))


def test_unknown_format_shows_its_beginning(tmp_path: Path) -> None:
    error = refused(write(tmp_path, b"PK\x03\x04zip", "data.bin"))
    assert error.what == reasons.UNKNOWN_FORMAT
    assert "PK" in error.got


def test_missing_file_and_folder_are_refused(tmp_path: Path) -> None:
    assert refused(tmp_path / "absent.xml").what == reasons.MISSING
    assert refused(tmp_path).what == reasons.UNREADABLE


# Attacks

TENFOLD = [f"<!ENTITY {new} '{f'&{old};' * 10}'>" for old, new in zip("abcdefgh", "bcdefghi", strict=True)]
ENTITY_BOMB = f"<!DOCTYPE PubmedArticleSet [<!ENTITY a 'aaaaaaaaaa'>{''.join(TENFOLD)}]>"


@pytest.mark.parametrize(
    "doctype",
    [
        ENTITY_BOMB,
        "<!DOCTYPE PubmedArticleSet [<!ENTITY i SYSTEM 'file://{secret}'>]>",
        "<!DOCTYPE PubmedArticleSet [<!ENTITY % p SYSTEM 'http://127.0.0.1:{port}/x.dtd'> %p;]>",
        "<!DOCTYPE PubmedArticleSet SYSTEM 'http://127.0.0.1:{port}/x.dtd' [<!ENTITY i 'x'>]>",
    ],
)
def test_entity_declarations_are_refused_and_nothing_is_fetched(tmp_path: Path, doctype: str) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("s3cret")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        declared = doctype.replace("{secret}", str(secret)).replace("{port}", str(server.getsockname()[1]))
        error = refused(write(tmp_path, article_set([article(1, "&i;")], doctype=declared)))
        with pytest.raises(BlockingIOError):
            server.accept()
    assert error.what == reasons.XML_ENTITIES_FORBIDDEN
    assert "s3cret" not in str(error)


def test_external_document_type_is_not_fetched(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        doctype = f"<!DOCTYPE PubmedArticleSet SYSTEM 'http://127.0.0.1:{server.getsockname()[1]}/x.dtd'>"
        path = write(tmp_path, article_set([article(1)], doctype=doctype))
        assert len(read_file(path)) == 1
        with pytest.raises(BlockingIOError):
            server.accept()


def test_undeclared_entity_in_a_text_is_refused(tmp_path: Path) -> None:
    """With a document type that is not loaded, a parser would drop it silently and make ``5mg`` of it."""
    error = refused(write(tmp_path, article_set([article(1), article(2, "5&thinsp;mg")])))
    assert error.what == reasons.XML_ENTITIES_FORBIDDEN


def test_gzip_bomb_stops_at_the_ratio(tmp_path: Path) -> None:
    squeezer = zlib.compressobj(9, wbits=31)
    block = b"<PubmedArticleSet>" + b" " * (1 << 20)
    bomb = squeezer.compress(block) + b"".join(squeezer.compress(b" " * (1 << 20)) for _ in range(511))
    path = write(tmp_path, bomb + squeezer.flush())
    begin = time.process_time()
    code = refused(path).what  # 16 MiB without a tag may be met before 100 to 1
    assert code in {reasons.TOO_LARGE, reasons.XML_LIMIT}
    assert time.process_time() - begin < 10
    said, kilobytes = run_probe(CHECK_PROBE, path)
    assert said == code
    assert kilobytes < 200 * 1024


def test_decompressed_size_is_capped(tmp_path: Path, sample: bytes) -> None:
    assert refused(write(tmp_path, sample), decompressed_bytes=100_000).what == reasons.TOO_LARGE


def test_number_of_units_is_capped(tmp_path: Path, sample: bytes) -> None:
    assert refused(write(tmp_path, sample), xml_units=399).what == reasons.TOO_LARGE


@pytest.mark.parametrize(
    "title", ["<i>" * 300 + "</i>" * 300, "x" * 11_000_000, "<!-- " + "x" * 17_000_000 + " -->"]
)
def test_what_the_parser_does_not_take_is_refused(tmp_path: Path, title: str) -> None:
    assert refused(write(tmp_path, article_set([article(1, title)]), "a.xml")).what == reasons.XML_LIMIT


def test_very_long_abstract_is_read_whole(tmp_path: Path) -> None:
    text = "No end. " * 600_000
    (record,) = read_file(
        write(tmp_path, article_set([article(1, "T", f"<AbstractText>{text}</AbstractText>")]))
    )
    assert isinstance(record, Citation)
    assert record.fields[1].text == text.strip()


# Slices

UNITS = st.lists(
    st.one_of(
        st.integers(1, 999).map(article),
        st.just(article("bad")),
        st.just("<PubmedArticle/>"),
        st.just("<PubmedArticle\n>\n</PubmedArticle >"),
        st.just("<PubmedBookArticle><BookDocument><PMID>5</PMID></BookDocument></PubmedBookArticle>"),
        st.lists(st.integers(1, 99), max_size=4).map(
            lambda pmids: (
                f"<DeleteCitation>{''.join(f'<PMID>{pmid}</PMID>' for pmid in pmids)}</DeleteCitation>"
            )
        ),
        st.just("<!-- <PubmedArticle> -->"),
        st.just("<![CDATA[ ]]>"),
        st.just("<?note <PubmedArticle> ?>"),
        st.just(article(8, "<![CDATA[<PubmedArticle>]]>")),
        st.just(article(9, "a <PubmedArticle>deep</PubmedArticle>")),
    ),
    max_size=12,
)


@settings(deadline=None, max_examples=150)
@given(
    units=UNITS,
    slice_records=st.integers(1, 5),
    encoding=st.sampled_from(["utf-8", "utf-16", "utf-8-sig", "iso-8859-1"]),
)
def test_slices_give_the_records_of_the_whole(
    tmp_path_factory: pytest.TempPathFactory, units: list[str], slice_records: int, encoding: str
) -> None:
    text = article_set(units).decode().replace("utf-8", "utf-8" if encoding == "utf-8-sig" else encoding)
    path = write(tmp_path_factory.mktemp("slices"), text.encode(encoding))
    sliced, whole = check_source(path, slice_records=slice_records), check_source(path)
    records = read_all(sliced)
    assert records == read_all(whole)
    assert len(records) == sliced.n_records
    assert [record.position for record in records] == list(range(len(records)))


def test_ordinary_file_is_really_cut(tmp_path: Path) -> None:
    content = article_set(article(n) for n in range(1, 8))
    source = check_source(write_gz(tmp_path / "a.xml.gz", content), slice_records=3)
    assert [piece.n_records for piece in source.slices] == [3, 3, 1]
    for piece in source.slices:
        assert content[piece.start : piece.end].startswith(b"<PubmedArticle>")


def test_comment_between_records_makes_one_slice(tmp_path: Path) -> None:
    units = [article(1), "<!-- <PubmedArticle> -->", article(2), article(3)]
    source = check_source(write(tmp_path, article_set(units)), slice_records=1)
    assert [piece.n_records for piece in source.slices] == [3]


@pytest.mark.parametrize("difference", [-1, 1])
def test_slice_with_another_number_of_records_is_never_silent(
    tmp_path: Path, sample: bytes, difference: int
) -> None:
    source = check_source(write(tmp_path, sample), slice_records=100)
    piece = replace(source.slices[1], n_records=100 + difference)
    with pytest.raises(SourceError) as caught:
        list(iter_records(Path(source.path), source.format, piece))
    assert caught.value.what == reasons.RECORD_COUNT


def test_file_that_was_replaced_after_the_check_is_noticed(tmp_path: Path, sample: bytes) -> None:
    source = check_source(write(tmp_path, sample), slice_records=100)
    write(tmp_path, gzip.compress(article_set(article(n, "Other.") for n in range(1, 401))))
    with pytest.raises(SourceError):
        list(iter_records(Path(source.path), source.format, source.slices[2]))


def test_namespace_declared_on_the_root_reaches_every_slice(tmp_path: Path) -> None:
    formula = "<m:math><m:msup><m:mn>10</m:mn><m:mn>9</m:mn></m:msup></m:math>"
    body = "".join(article(n, formula) for n in range(1, 4))
    root = '<PubmedArticleSet xmlns:m="http://www.w3.org/1998/Math/MathML">'
    path = write(tmp_path, (DECLARATION + root + body + "</PubmedArticleSet>").encode())
    records = read_file(path, 1)
    assert [record.fields[0].text for record in records] == ["10^9"] * 3  # type: ignore[union-attr]


def test_default_namespace_hides_no_record(tmp_path: Path) -> None:
    content = article_set(article(n) for n in range(1, 4)).replace(
        b"<PubmedArticleSet>", b'<PubmedArticleSet xmlns="urn:x">'
    )
    assert len(read_file(write(tmp_path, content), 1)) == 3


@pytest.mark.parametrize(
    "units",
    [
        ["<Wrapper>" + article(1) + "</Wrapper>"],
        [article(1), "<PubmedArticleSet>" + article(2) + "</PubmedArticleSet>", article(3)],
        [article(1), "<MedlineCitation><PMID>2</PMID></MedlineCitation>"],
        ["<PubmedDataset/>", article(1)],
    ],
)
def test_what_is_no_record_among_the_records_is_refused(tmp_path: Path, units: list[str]) -> None:
    """Records may be inside; to pass over them would lose them without a word."""
    error = refused(write(tmp_path, article_set(units)))
    assert error.what == reasons.NOT_PUBMED
    assert "among the records, line 3" in str(error) or "among the records, line 4" in str(error)


def test_entity_between_records_is_refused(tmp_path: Path) -> None:
    error = refused(write(tmp_path, article_set([article(1), "&x;", article(2)])))
    assert error.what == reasons.XML_ENTITIES_FORBIDDEN


@pytest.mark.parametrize("n_bytes", [65_380, 70_000, 300_000])
def test_long_comment_before_the_first_record_cuts_no_slice(tmp_path: Path, n_bytes: int) -> None:
    """Slices are read between the head, which must end with the root's start tag, and a root end tag."""
    units = ["<!--" + "x" * n_bytes + "-->" + article(1), article(2), article(3)]
    assert len(read_file(write(tmp_path, article_set(units)), 1)) == 3


def test_root_that_comes_too_late_is_refused_by_the_check(tmp_path: Path) -> None:
    """Not by the reading that follows, when the file already counts as whole."""
    content = article_set([article(1)], doctype="<!--" + "x" * 100_000 + "-->")
    assert refused(write(tmp_path, content)).what == reasons.XML_ERROR


@pytest.mark.parametrize("opened", ["<PubmedArticle>", "<Unknown>"])
def test_record_without_end_is_bounded_in_memory(tmp_path: Path, opened: str) -> None:
    path = write(tmp_path, article_set([opened + "<a>b</a>" * 3_000_000]), "endless.xml")
    said, kilobytes = run_probe(CHECK_PROBE, path)
    assert said == reasons.XML_LIMIT
    assert kilobytes < 900 * 1024


def test_real_files_give_the_same_records_in_any_slices(shared_data: Path) -> None:
    for path in sorted((shared_data / "medline").glob("*.xml.gz")):
        sliced = check_source(path, slice_records=130)
        assert len(sliced.slices) == max(-(-sliced.n_records // 130), 1)
        records = read_all(sliced)
        assert records == read_file(path)
        assert not any(isinstance(record, Rejected) for record in records)


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    used = []
    for n_citations in (500, 15_000):
        content = article_set(article(n, "T" * 900, SECTION.format(n=n)) for n in range(1, n_citations + 1))
        n_records, kilobytes = run_probe(READ_PROBE, write(tmp_path, content, f"n{n_citations}.xml"))
        assert int(n_records) == n_citations
        used.append(kilobytes / 1024)
    assert used[1] - used[0] < 12, f"MiB for a file of 0.6 and 19 MB: {used}"


def test_slice_survives_its_dict() -> None:
    piece = Slice(3, 10, 20, 5, 15)
    assert Slice.from_dict(piece.to_dict()) == piece


def test_error_that_a_warning_follows_is_found_by_the_check(tmp_path: Path) -> None:
    """lxml takes a document for well-formed whose last complaint is a warning, whatever stands before it."""
    path = tmp_path / "a.xml"
    unbound = article(1, "<mml:math>x</mml:math>")
    odd = article(2).replace("<PubmedArticle>", '<PubmedArticle xml:space="x">', 1)
    path.write_bytes(article_set([unbound, odd]))
    with pytest.raises(SourceError, match="prefix mml on math is not defined") as caught:
        check_source(path, slice_records=1)
    assert caught.value.what == reasons.XML_ERROR
