"""Whatever a customer wrote can be written into a training file, and is read back as it was written."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from nlu import training
from nlu.reviewed import FILE, Lesson, in_one_line, teach
from nlu.training import ENTITY_KINDS, Annotation, TrainingDataMistakes
from nlu.understanding import Language

BASE = 'version: "3.1"\nnlu:\n- intent: greet\n  examples: |\n    - hello\n'
MAY_FOLLOW_EACH_OTHER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.yml").write_text(BASE)
    return tmp_path


def lesson(
    text: str,
    intent: str = "refund_request",
    *entities: Annotation,
    interaction: int = 7,
    language: Language = Language.EN,
    by: str = "mei",
) -> Lesson:
    return Lesson(
        text=text,
        intent=intent,
        entities=entities,
        language=language,
        interaction=interaction,
        on=date(2026, 3, 2),
        by=by,
    )


def learnt(folder: Path) -> list[training.Example]:
    return [one for one in training.read(folder).examples if one.file.endswith(FILE)]


@MAY_FOLLOW_EACH_OTHER
@given(said=st.text(min_size=1, max_size=80), by=st.text(max_size=20), marks=st.data())
@example(said="- - # not: a comment | > & *x !y %z @ ` {a: [b]}", by='"; x: ${HOME} \\', marks=None)
@example(said='see [this](order_number) or [that]{"entity": "product"} \\u12 C:\\users', by="\x00\n", marks=None)
@example(said="第一行\r\n第二行\u2028third\x85\u00a0fourth\ufeff\ud83d", by="小梅", marks=None)
def test_any_words_come_back_as_they_were_written(
    folder: Path, said: str, by: str, marks: st.DataObject | None
) -> None:
    text = in_one_line(said)
    assume(text and text.lower() != "hello")
    entities: list[Annotation] = []
    if marks is not None:
        cuts = sorted(marks.draw(st.sets(st.integers(0, len(text)), max_size=6)))
        for start, end in zip(cuts[::2], cuts[1::2], strict=False):
            kind = marks.draw(st.sampled_from(ENTITY_KINDS))
            entities.append(Annotation(kind=kind, value=text[start:end], start=start, end=end))
    taught = teach(folder, lesson(text, "refund_request", *entities, by=by))
    (known,) = learnt(folder)
    assert (known.text, known.intent, known.entities) == (text, "refund_request", tuple(entities))
    assert (known.file, known.line) == (taught.file, taught.line)
    assert (known.source["interaction"], known.source["reviewed"]) == ("7", "2026-03-02")


@given(said=st.text(max_size=200))
def test_one_line_is_one_line_and_stays_what_it_is(said: str) -> None:
    line = in_one_line(said)
    assert len(line.splitlines()) <= 1
    assert in_one_line(line) == line
    line.encode()


def test_words_keep_what_can_be_seen() -> None:
    assert in_one_line("  退款！\n\n 我的👩\u200d👧 [壶]\u202e 碎了 ") == "退款！ 我的👩\u200d👧 ［壶］ 碎了"


def test_lessons_are_added_one_after_the_other_in_the_file_of_their_language(folder: Path) -> None:
    teach(folder, lesson("give it back", interaction=1))
    teach(folder, lesson("我要退款", interaction=2, language=Language.ZH_HANS))
    teach(folder, lesson("退錢", interaction=3, language=Language.ZH_HANT))
    found = [(one.file, one.text, one.source["interaction"], one.source["by"]) for one in learnt(folder)]
    assert found == [
        ("en/reviewed.yml", "give it back", "1", "mei"),
        ("zh/reviewed.yml", "我要退款", "2", "mei"),
        ("zh/reviewed.yml", "退錢", "3", "mei"),
    ]


def test_what_people_wrote_into_the_file_stays(folder: Path) -> None:
    (folder / "en").mkdir()
    own = f"# mine\n{BASE}    - good day   # said on Sundays\n"
    (folder / "en" / FILE).write_text(own.replace("hello", "howdy").rstrip("\n"))
    teach(folder, lesson("give it back"))
    content = (folder / "en" / FILE).read_text()
    assert own.replace("hello", "howdy") in content
    assert content.endswith("    - give it back\n")


def test_a_file_is_never_ascii_alone_because_rasa_would_read_escapes_in_it(folder: Path) -> None:
    (folder / "en").mkdir()
    (folder / "en" / FILE).write_text(BASE.replace("hello", "howdy"))
    teach(folder, lesson("C:\\users"))
    assert not (folder / "en" / FILE).read_text("utf-8").isascii()


def test_the_same_message_is_taught_once(folder: Path) -> None:
    first = teach(folder, lesson("give it back"))
    before = (folder / first.file).read_bytes()
    again = teach(folder, lesson("give it back"))
    assert (first.written, again.written, again.place) == (True, False, first.place)
    assert (folder / first.file).read_bytes() == before


def test_a_message_that_is_taught_anew_leaves_nothing_of_the_old_lesson(folder: Path) -> None:
    for number, text in enumerate(("one", "two", "three"), start=1):
        teach(folder, lesson(text, interaction=number))
    teach(folder, lesson("zwei", "greet", interaction=2))
    assert [(one.text, one.intent) for one in learnt(folder)] == [
        ("one", "refund_request"),
        ("three", "refund_request"),
        ("zwei", "greet"),
    ]
    teach(folder, lesson("二", interaction=2, language=Language.ZH_HANS))
    assert [(one.file, one.text) for one in learnt(folder)] == [
        ("en/reviewed.yml", "one"),
        ("en/reviewed.yml", "three"),
        ("zh/reviewed.yml", "二"),
    ]


def test_nothing_is_written_that_would_break_the_training_data(folder: Path) -> None:
    with pytest.raises(TrainingDataMistakes, match="already an example of greet"):
        teach(folder, lesson("Hello"))
    assert list(folder.rglob("*")) == [folder / "a.yml"]


def test_broken_training_data_is_not_added_to(folder: Path) -> None:
    (folder / "a.yml").write_text("nlu: 3\n")
    with pytest.raises(TrainingDataMistakes, match=r"a\.yml:1"):
        teach(folder, lesson("give it back"))


def test_a_write_that_fails_leaves_the_file_as_it_was(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (folder / teach(folder, lesson("one", interaction=1)).file).read_bytes()

    def no_space(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(OSError, match="No space"):
        teach(folder, lesson("two", interaction=2))
    assert (folder / "en" / FILE).read_bytes() == before
    assert [path.name for path in (folder / "en").iterdir()] == [FILE]


def test_others_may_read_what_is_learnt_from(folder: Path) -> None:
    taught = teach(folder, lesson("one"))
    assert (folder / taught.file).stat().st_mode & 0o777 == 0o644


def test_any_yaml_library_reads_the_file(folder: Path) -> None:
    taught = teach(folder, lesson("give it back", by='mei "the boss"'))
    said = yaml.safe_load((folder / taught.file).read_text("utf-8"))
    assert said["nlu"] == [
        {
            "intent": "refund_request",
            "metadata": {"interaction": 7, "reviewed": "2026-03-02", "by": 'mei "the boss"'},
            "examples": "- give it back\n",
        }
    ]
