"""Responsible for the reason codes: short words that say why a file or a record was refused.

The codes of files are the ``what`` of a :class:`~extract.errors.SourceError`; the codes of records
are the ``reason`` of a :class:`~extract.records.Rejected`. They are stored in tables and matched by
scripts, so a code once given keeps its meaning.
"""

from __future__ import annotations

# Files: nothing of them is taken in.
MISSING = "missing"
"""There is no such file, or nothing matches the pattern."""
UNREADABLE = "unreadable"
"""The system refused to read it: permission, I/O error, not a file."""
EMPTY = "empty"
"""No byte in it, or none after decompression."""
GZIP_TRUNCATED = "gzip_truncated"
"""The compressed stream stops before its end (or a few stray bytes follow it)."""
GZIP_CORRUPT = "gzip_corrupt"
"""Bad compressed data, wrong checksum, or something that is not gzip after the end."""
MD5_MISMATCH = "md5_mismatch"
"""The file is not the one its ``.md5`` sidecar describes."""
TOO_LARGE = "too_large"
"""Past a cap: decompressed size, compression ratio, length of a line, number of records."""
XML_ERROR = "xml_error"
"""Not well-formed."""
XML_ENTITIES_FORBIDDEN = "xml_entities_forbidden"
"""Declares or uses entities of its own. Genuine files do not; attacks do."""
XML_LIMIT = "xml_limit"
"""Well-formed so far, but past what the parser takes: depth 256, text of 10 MB."""
BAD_ENCODING = "bad_encoding"
"""Bytes that are not text in the declared encoding."""
NOT_PUBMED = "not_pubmed"
"""XML or HTML, but no set of PubMed or MEDLINE citations, or with something else among them."""
UNKNOWN_FORMAT = "unknown_format"
"""None of the formats that can be read."""
PARQUET_CORRUPT = "parquet_corrupt"
"""A Parquet file that cannot be decoded, or whose page checksums do not match."""
BAD_COLUMNS = "bad_columns"
"""A Parquet file without the columns that are needed."""
RECORD_COUNT = "record_count"
"""A slice does not hold the number of records that the check had found: the file has changed."""

# Records: each becomes one Rejected, its neighbours are taken in.
BAD_PMID = "bad_pmid"
"""Missing, given twice, or not 1 to 999999999 in plain decimal."""
BAD_VERSION = "bad_version"
"""A PMID version that is not 1 to 32767."""
BAD_RECORD = "bad_record"
"""Two of what a record has one of (citation, article, title, abstract): one of them would be lost."""
NO_ID = "no_id"
"""Neither ``pmid`` nor ``id``, or an ``id`` that is no plain text or number."""
BAD_LINE = "bad_line"
"""A line that is not UTF-8, not JSON, or not an object."""
BAD_TEXT = "bad_text"
"""A title or abstract that is no text, or that cannot be stored as UTF-8."""
