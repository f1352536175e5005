"""Teachers, the text they answer, and what a student makes of it."""

import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from compress.checkpoint import read_checkpoint, read_history, write_checkpoint
from compress.errors import CheckpointError, DataError
from compress.features import encode_sentences
from compress.predict import sentence_logits, window_logits
from compress.training.answers import read_answers
from compress.training.finetune import FinetuneConfig, finetune
from compress.training.selftrain import Teaching
from compress.training.teachers import ask_teachers, open_teachers
from compress.training.train import TrainConfig, train
from compress.training.unlabelled import pick_text
from extract.annotations import AnnotatedSentence, tags_of
from extract.gate import Domain, Gate, GateTerms, Triggers
from jobs.cli.train import train as train_command
from tests.compress.conftest import (
    SPECIAL,
    TAGS,
    build_config,
    build_model,
    build_tokenizer,
    make_sentences,
)
from tests.compress.training.test_finetune import Killed, kill_at, write_sentences

SILENT = [(f"Q{index}", f"and progression and progression {index} survived") for index in range(30)]
QUICK = TrainConfig(epochs=2, batch_size=4, body_rate=3e-3, head_rate=1e-2, bf16=False)


@pytest.fixture(scope="module")
def taught():
    """A model that knows the sentences of make_sentences(), and those of the text below."""
    return teach(seed=0)


def teach(*, seed, epochs=16):
    blank = (AnnotatedSentence(f"Q{i}", f"Q{i}", text, ()) for i, (_, text) in enumerate(SILENT[:20]))
    features = encode_sentences([*make_sentences(), *blank], build_tokenizer(), TAGS)
    return train(replace(QUICK, epochs=epochs, seed=seed), build_model(seed=seed), features, features).model


@pytest.fixture
def teachers(tmp_path, taught):
    """Two teachers: one that knows, one that guesses."""
    for name, model in (("knows", taught), ("guesses", build_model(seed=3))):
        write_checkpoint(tmp_path / name, model, build_tokenizer())
    return tmp_path / "knows", tmp_path / "guesses"


def write_text(path, texts):
    path.write_text("".join(json.dumps({"doc": doc, "paragraphs": [text]}) + "\n" for doc, text in texts))
    return path


def unlabelled_texts():
    return [
        (f"T{index}", f"median {'os' if index % 2 else 'pfs'} was {index}.5 months") for index in range(30)
    ]


@pytest.fixture
def text(tmp_path):
    return write_text(tmp_path / "text.jsonl", [*unlabelled_texts(), *SILENT])


@pytest.fixture
def config(tmp_path, teachers, text):
    write_checkpoint(tmp_path / "base", build_model(seed=7), build_tokenizer())
    data = tmp_path / "data"
    data.mkdir()
    write_sentences(data / "train.jsonl", make_sentences(18))
    write_sentences(data / "dev.jsonl", make_sentences(24)[18:])
    return FinetuneConfig(
        str(tmp_path / "base"),
        data,
        tmp_path / "out",
        teaching=Teaching(teachers[:1], (text,), sentences=60),
        train=QUICK,
    )


def character_tokenizer():
    """Each character is a token: other tokens than those of the tiny model's own tokenizer."""
    characters = "abcdefghijklmnopqrstuvwxyz0123456789.,-%()"
    pieces = [*SPECIAL, *characters, *(f"##{character}" for character in characters)]
    vocab = {piece: index for index, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", vocab["[CLS]"]), ("[SEP]", vocab["[SEP]"])]
    )
    tokenizer.add_special_tokens(SPECIAL)
    return tokenizer


def probabilities(answers):
    return [np.exp(rows.astype(np.float32)) for rows in answers.logs]


def test_answers_are_the_mean_of_each_teachers_own(teachers, tokenizer, features):
    together = ask_teachers(open_teachers(teachers, TAGS), features, tokenizer)
    alone = [ask_teachers(open_teachers([one], TAGS), features, tokenizer) for one in teachers]
    for both, first, second in zip(*map(probabilities, (together, *alone)), strict=True):
        np.testing.assert_allclose(both, (first + second) / 2, atol=4e-3)
        np.testing.assert_allclose(both.sum(axis=1), 1, atol=1e-2)
    assert not together.agreed.all()
    assert all(one.agreed.all() for one in alone)


def test_one_teachers_answers_are_its_models(teachers, taught, tokenizer, features):
    answers = ask_teachers(open_teachers(teachers[:1], TAGS), features, tokenizer)
    logits = sentence_logits(features, window_logits(taught, features.windows))
    for rows, own in zip(probabilities(answers), logits, strict=True):
        expected = np.exp(own) / np.exp(own).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(rows, expected, atol=3e-2)  # bfloat16, where the processor has it


def test_a_teacher_of_other_tokens_says_the_same_of_the_same_characters(teachers, sentences, features):
    ours = character_tokenizer()
    (teacher,) = open_teachers(teachers[:1], TAGS)
    carried = ask_teachers([teacher], encode_sentences(sentences, ours, TAGS), ours)
    annotated = encode_sentences(sentences, ours, TAGS)
    own = ask_teachers([teacher], features, teacher.tokenizer)
    right = total = 0
    for place, window in enumerate(annotated.windows):
        at_start = {
            int(start): row for (start, _), row in zip(features.offsets[place], own.logs[place], strict=True)
        }
        for (start, _), row in zip(annotated.offsets[place], carried.logs[place], strict=True):
            if int(start) in at_start:
                np.testing.assert_array_equal(row, at_start[int(start)])
        right += int((carried.logs[place].argmax(axis=1) == window.tag_ids[1:-1]).sum())
        total += len(carried.logs[place])
    assert (
        right / total > 0.9
    )  # the teacher knows these sentences, so its answers are nearly their annotation


def test_columns_follow_the_students_tags(tmp_path, tokenizer, features):
    turned = ("O", "B-PFS", "I-PFS", "B-OS", "I-OS")
    model = build_model(build_config(labels=turned))
    write_checkpoint(tmp_path / "turned", model, tokenizer)
    answers = ask_teachers(open_teachers([tmp_path / "turned"], TAGS), features, tokenizer)
    logits = sentence_logits(features, window_logits(model, features.windows))[0]
    assert [TAGS[i] for i in answers.logs[0].argmax(axis=1)] == [turned[i] for i in logits.argmax(axis=1)]


def test_a_teacher_of_other_labels_is_refused(tmp_path, tokenizer):
    tags = tags_of(["OS", "ORR"])
    write_checkpoint(tmp_path / "other", build_model(build_config(labels=tags)), tokenizer)
    with pytest.raises(CheckpointError, match="other labels.*also ORR; not PFS"):
        open_teachers([tmp_path / "other"], TAGS)


def test_a_student_learns_from_text_alone_what_the_teacher_knows(config, tmp_path):
    """The annotated sentences hold nothing but an OS and a PFS; all else is the text's."""
    write_sentences(config.data / "train.jsonl", make_sentences(2))
    alone = finetune(replace(config, teaching=None, train=replace(QUICK, epochs=12)))
    write_sentences(config.data / "train.jsonl", make_sentences(2))
    taught = finetune(replace(config, target=tmp_path / "taught", train=replace(QUICK, epochs=12)))
    scores = [max(epoch.scores.f1 for epoch in result.epochs) for result in (alone, taught)]
    assert scores[1] > scores[0] + 0.3
    (step,) = read_history(tmp_path / "taught")
    assert [teacher["name"] for teacher in step["teaching"]["teachers"]] == ["knows"]
    assert step["teaching"]["text"]["learnt with a find"] > 10
    assert not list((tmp_path / "taught").glob("answers*"))


def test_an_interrupted_training_asks_once_and_ends_the_same(config, tmp_path):
    whole = replace(config, target=tmp_path / "whole")
    finetune(whole)
    told = []
    with pytest.raises(Killed):
        finetune(config, on_step=kill_at(1), report=told.append)
    with pytest.raises(Killed):
        finetune(config, on_step=kill_at(30), report=told.append)
    finetune(config, report=told.append)
    assert sum("teachers answer" in line for line in told) == 1
    ours, theirs = ((target / "model.safetensors").read_bytes() for target in (config.target, whole.target))
    assert ours == theirs


def test_other_teachers_or_text_are_another_training(config, teachers, tmp_path):
    with pytest.raises(Killed):
        finetune(config, on_step=kill_at(30))
    other_teacher = replace(config.teaching, teachers=teachers[1:])
    other_text = replace(config.teaching, text=(write_text(tmp_path / "other", unlabelled_texts()[:9]),))
    for teaching in (other_teacher, other_text, None):
        with pytest.raises(CheckpointError, match="other data or settings"):
            finetune(replace(config, teaching=teaching))


def test_a_damaged_file_of_answers_is_told_and_other_answers_are_asked_for_again(tmp_path):
    (tmp_path / "answers").write_bytes(b"no answers")
    with pytest.raises(CheckpointError, match="answers cannot be read"):
        read_answers(tmp_path / "answers", "key")
    assert read_answers(tmp_path / "none", "key") is None


@pytest.mark.parametrize(("share", "silent"), [(0.0, 0), (0.25, 10), (1.0, 30)])
def test_silent_sentences_are_kept_by_their_share(config, share, silent):
    counts = lesson_counts(config, silent_share=share)
    assert counts["learnt with a find"] == 30
    assert counts["learnt as silent"] == silent


def test_what_teachers_disagree_on_can_be_left_out(config, teachers, tmp_path):
    write_checkpoint(tmp_path / "less", teach(seed=5, epochs=5), build_tokenizer())
    counts = lesson_counts(config, teachers=(teachers[0], tmp_path / "less"), agree=True, silent_share=1.0)
    learnt = counts["learnt with a find"] + counts["learnt as silent"]
    assert 0 < counts["left out for disagreement"] == 60 - learnt
    with pytest.raises(DataError, match="find nothing"):
        lesson_counts(config, teachers=teachers, agree=True)
    with pytest.raises(DataError, match="nobody to agree with"):
        lesson_counts(config, teachers=teachers[:1], agree=True)


def lesson_counts(config, **changes):
    """What is learnt of the text, told before the first step."""
    target = config.target.with_name(f"out-{len(list(config.target.parent.iterdir()))}")
    with pytest.raises(Killed):
        finetune(
            replace(config, target=target, teaching=replace(config.teaching, **changes)), on_step=kill_at(1)
        )
    (settings,) = target.with_name(target.name + ".partial").glob("training-*/settings.json")
    return json.loads(settings.read_text())["teaching"]["text"]


def test_a_teacher_may_be_a_folder_of_several_trainings(teachers, tmp_path):
    folder = tmp_path / "trials"
    for name, source in zip(("seed-1", "seed-2"), teachers, strict=True):
        write_checkpoint(folder / name, *read_checkpoint(source))
    trials = [{"name": "seed-1"}, {"name": "seed-2"}]
    (folder / "summary.json").write_text(json.dumps({"trials": trials}))
    assert [teacher.name for teacher in open_teachers([folder], TAGS)] == ["seed-1", "seed-2"]


DOMAIN = Domain({"cancer": 1.0}, threshold=1.0, shortest=0)
GATE = Gate(GateTerms(DOMAIN, Triggers(("surviv",), ("os",), ("reached",)), audit_share=0.0))


def test_the_gate_chooses_sentences_inside_and_look_alikes_outside(tmp_path):
    inside = "Of cancer: median OS was 12 months. Nothing at all is told here. Survival was not reached."
    outside = "Graft survival was 95 per cent. Cats are fond of 12 mice. Survival is not a number."
    path = write_text(tmp_path / "text", [("A", inside), ("B", outside), ("C", inside.replace("12", "13"))])
    picked = pick_text([path], 9, gate=GATE, n_outside=9, without={"C"})
    assert {one.text for one in picked.inside} == {
        "Of cancer: median OS was 12 months.",
        "Survival was not reached.",
    }
    assert [one.text for one in picked.outside] == ["Graft survival was 95 per cent."]
    assert len(pick_text([path], 1, gate=GATE, n_outside=0).inside) == 1
    known = {"Survival was not reached."}
    assert len(pick_text([path], 9, gate=GATE, without={"C"}, known=known).inside) == 1


def test_documents_that_a_model_is_judged_on_are_no_text_to_learn_from(config, tmp_path):
    judged = [*make_sentences(24)[18:], *(replace(one, doc="TEST") for one in make_sentences(2))]
    write_sentences(config.data / "test.jsonl", judged[6:])
    own = [(one.doc, f"{one.text} again and again") for one in judged]
    path = write_text(tmp_path / "judged", [*own, *unlabelled_texts()])
    counts = lesson_counts(config, text=(path,), silent_share=1.0)
    assert counts["sentences asked about"] == 30


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--unlabelled", "TEXT"], "name a --teacher"),
        (["--agree"], "name a --teacher"),
        (["--distil-weight", "0"], "name a --teacher"),
        (["--teacher", "KNOWS", "--silent-share", "0.9"], "name --unlabelled FILE"),
        (["--teacher", "KNOWS", "--gate-of", "pruned25-int8"], "name --unlabelled FILE"),
        (["--teacher", "KNOWS", "--folds", "2"], "what would be held out"),
    ],
)
def test_options_that_need_each_other_are_asked_for(config, teachers, text, given, told):
    places = {"TEXT": str(text), "KNOWS": str(teachers[0])}
    arguments = ["--base", config.base, "--data", str(config.data), "--to", str(config.target)]
    result = CliRunner().invoke(train_command, [*arguments, *(places.get(word, word) for word in given)])
    assert result.exit_code == 2
    assert told in result.output


def test_the_command_teaches(config, teachers, text):
    words = ["--base", config.base, "--data", config.data, "--to", config.target, "--teacher", teachers[0]]
    words += ["--unlabelled", text, "--unlabelled-sentences", 20, "--silent-share", 0, "--epochs", 1]
    words += ["--unlabelled-weight", 0.5, "--distil-weight", 0, "--temperature", 1, "--json"]
    result = CliRunner().invoke(train_command, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    (step,) = read_history(config.target)
    assert step["teaching"]["text"]["sentences asked about"] == 20
    chosen = [step["settings"][name] for name in ("unlabelled_weight", "distil_weight", "temperature")]
    assert chosen == [0.5, 0.0, 1.0]
