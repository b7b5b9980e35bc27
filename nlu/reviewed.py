"""Reviewed messages: what people said about customers' words, as examples in the training files.

Each is an entry of its own in `zh/reviewed.yml` or `en/reviewed.yml`, whose `metadata` says where it comes from. Source
of the form: rasa.com/docs/rasa/3.x/training-data-format.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from nlu import training
from nlu.training import Annotation, Example
from nlu.understanding import Language

FILE = "reviewed.yml"
HEADER = '# Customers’ messages that people reviewed; `rapport nlu review` adds to it.\nversion: "3.1"\n\nnlu:\n'
"""With an apostrophe that is not ASCII: Rasa reads a file of ASCII alone as if `\\u` in it were an escape."""
LONGEST = 500
"""Characters of an example: what a longer message wants is said in a part of it."""
_BRACKETS = {ord("["): "［", ord("]"): "］"}
"""Rasa's form marks entities by brackets and knows no way to write them as themselves."""
_JOINERS = "\u200c\u200d"
"""Invisible, and parts of words and emoji."""


class NotTeachable(Exception):
    """A message cannot become an example."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lesson:
    """A message that is to be learnt from."""

    text: str
    """As `in_one_line` made it."""
    intent: str
    entities: tuple[Annotation, ...] = ()
    """In order, without overlaps."""
    language: Language
    interaction: int
    """Which message it was."""
    on: date
    """When it was reviewed."""
    by: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Taught:
    """Where a lesson stands in the training files."""

    example: str
    """As it stands there, marks and all."""
    file: str
    """Relative to the folder."""
    line: int
    written: bool
    """False: it stood there already."""

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"


def teach(folder: Path, lesson: Lesson) -> Taught:
    """Add a lesson to its file; the one of the same message, where there is one already, is replaced.

    The file is written whole or not at all. Raises NotTeachable; TrainingDataMistakes where the training data would not
    be usable with it, or is not without it; OSError.
    """
    example = marked(lesson.text, lesson.entities)
    known = _of_message(training.read(folder).examples, lesson.interaction)
    if known is not None:
        if (known.intent, marked(known.text, known.entities)) == (lesson.intent, example):
            return Taught(example=example, file=known.file, line=known.line, written=False)
        _write(folder, known.file, _without(folder / known.file, known), lesson.interaction)
    file = f"{folder_of(lesson.language)}/{FILE}"
    stands = _write(folder, file, _with(folder / file, lesson, example), lesson.interaction)
    if stands is None:
        raise NotTeachable("the example cannot be read back from the file; nothing was written")
    return Taught(example=example, file=stands.file, line=stands.line, written=True)


def in_one_line(text: str) -> str:
    """A text as an example can be: in one line, without what no eye sees, its brackets in full width."""
    seen = "".join(" " if _parts(character) else character for character in text if not _is_invisible(character))
    return " ".join(seen.translate(_BRACKETS).split())


def marked(text: str, entities: Sequence[Annotation]) -> str:
    """With its entities marked as Rasa has them: `buy [Longjing](product)`."""
    pieces, end = list[str](), 0
    for entity in entities:
        pieces += [text[end : entity.start], f"[{text[entity.start : entity.end]}]({entity.kind})"]
        end = entity.end
    return "".join([*pieces, text[end:]])


def folder_of(language: Language) -> str:
    return "en" if language is Language.EN else "zh"


def _parts(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) in ("Cc", "Zl", "Zp")


def _is_invisible(character: str) -> bool:
    """Formatting, halves of characters, and code points that are no characters: YAML has no place for them."""
    code = ord(character)
    if unicodedata.category(character) in ("Cf", "Cs"):
        return character not in _JOINERS
    return code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF


def _of_message(examples: Sequence[Example], interaction: int) -> Example | None:
    return next((one for one in examples if one.source.get("interaction") == str(interaction)), None)


def _with(path: Path, lesson: Lesson, example: str) -> bytes:
    content = path.read_text("utf-8") if path.exists() else HEADER
    if content.isascii():
        content = HEADER.split("\n", maxsplit=1)[0] + "\n" + content
    if not content.endswith("\n"):
        content += "\n"
    # Quoted as JSON, which YAML reads alike: a name may be anything.
    entry = (
        f"- intent: {lesson.intent}\n"
        "  metadata:\n"
        f"    interaction: {lesson.interaction}\n"
        f'    reviewed: "{lesson.on.isoformat()}"\n'
        f"    by: {json.dumps(lesson.by, ensure_ascii=False)}\n"
        "  examples: |\n"
        f"    - {example}\n"
    )
    return (content + entry).encode()


_ENTRY = re.compile(r"^- ", re.MULTILINE)


def _without(path: Path, example: Example) -> bytes:
    """The file without the entry that an example stands in."""
    lines = path.read_text("utf-8").split("\n")
    first = max(number for number, line in enumerate(lines[: example.line]) if _ENTRY.match(line))
    rest = (number for number, line in enumerate(lines) if number > first and _ENTRY.match(line))
    last = next(rest, len(lines) - 1)
    return "\n".join([*lines[:first], *lines[last:]]).encode()


def _write(folder: Path, file: str, content: bytes, interaction: int) -> Example | None:
    """Check all the data with this file in it, then put it in its place; the message's example, as it is read back."""
    examples = training.read(folder, {file: content}).examples
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    # Not `.yml` before it is whole: whoever looks for training files must not find it.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as written:
            written.write(content)
            written.flush()
            os.fsync(written.fileno())
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return _of_message(examples, interaction)
