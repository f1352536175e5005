"""Folds keep documents whole, and what is held out has no say."""

import pytest

from compress.errors import DataError
from compress.folds import read_cross_folds
from tests.compress.conftest import make_sentences
from tests.compress.training.test_finetune import write_sentences


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    write_sentences(folder / "train.jsonl", make_sentences(24)[:18])
    write_sentences(folder / "dev.jsonl", make_sentences(24)[18:])
    return folder


def docs(sentences):
    return {sentence.doc for sentence in sentences}


@pytest.mark.parametrize("n_folds", [2, 3, 5, 8])
def test_every_sentence_is_held_out_once_and_no_document_is_in_two_parts(data, n_folds):
    folds = read_cross_folds(data, n_folds=n_folds)
    assert len(folds) == n_folds
    held_out = [sentence for fold in folds for sentence in fold.held_out]
    assert sorted(held_out, key=lambda s: s.id) == sorted(make_sentences(24), key=lambda s: s.id)
    for fold in folds:
        assert len(fold.train) + len(fold.dev) + len(fold.held_out) == 24
        assert fold.train
        assert fold.dev
        assert not docs(fold.train) & docs(fold.held_out)
        assert not docs(fold.dev) & docs(fold.held_out)
        assert not docs(fold.train) & docs(fold.dev)
        assert fold.labels == ("OS", "PFS")
    sizes = [len(fold.held_out) for fold in folds]
    assert max(sizes) - min(sizes) <= 3  # one document
    assert read_cross_folds(data, n_folds=n_folds) == folds


def test_what_is_added_teaches_every_fold_but_the_one_of_its_document(data, tmp_path):
    more = make_sentences(36)[21:]  # the first three are of a document that is held out once
    path = write_sentences(tmp_path / "more.jsonl", more)
    for fold in read_cross_folds(data, [path], n_folds=4):
        assert len(fold.held_out) == 6
        used = [s for s in (*fold.train, *fold.dev) if s.id in {s.id for s in more[3:]}]
        assert len(used) == 12
        assert not docs(fold.held_out) & docs((*fold.train, *fold.dev))


def test_more_folds_than_documents_are_refused(data):
    with pytest.raises(DataError, match="too few documents"):
        read_cross_folds(data, n_folds=9)
