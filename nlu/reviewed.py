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

    Files are written whole or not at all. Raises NotTeachable; TrainingDataMistakes where the training data would not
    be usable with it, or is not without it; OSError.
    """
    example = marked(lesson.text, lesson.entities)
    file = f"{folder_of(lesson.language)}/{FILE}"
    contents = {file: _content(folder / file)}
    known = _of_message(training.read(folder).examples, lesson.interaction)
    if known is not None:
        if (known.intent, marked(known.text, known.entities)) == (lesson.intent, example):
            return Taught(example=example, file=known.file, line=known.line, written=False)
        contents[known.file] = _without(_content(folder / known.file), known)
    contents[file] = _with(contents[file], lesson, example)
    changes = {name: content.encode() for name, content in contents.items()}
    stands = _of_message(training.read(folder, changes).examples, lesson.interaction)
    if stands is None:
        raise NotTeachable("the example could not be read back; nothing was written")
    for name, content in changes.items():
        _write(folder / name, content)
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


def _content(path: Path) -> str:
    return path.read_text("utf-8") if path.exists() else HEADER


def _with(content: str, lesson: Lesson, example: str) -> str:
    if content.isascii():
        content = HEADER.split("\n", maxsplit=1)[0] + "\n" + content
    content = _EMPTY.sub("nlu:", content.rstrip("\n")) + "\n"
    # Quoted as JSON, which YAML reads alike: a name may be anything.
    return content + (
        f"- intent: {lesson.intent}\n"
        "  metadata:\n"
        f"    interaction: {lesson.interaction}\n"
        f'    reviewed: "{lesson.on.isoformat()}"\n'
        f"    by: {json.dumps(in_one_line(lesson.by), ensure_ascii=False)}\n"
        "  examples: |\n"
        f"    - {example}\n"
    )


_ENTRY = re.compile(r"^- ", re.MULTILINE)
_EMPTY = re.compile(r"^nlu: \[\]$", re.MULTILINE)


def _without(content: str, example: Example) -> str:
    """Without the entry that an example stands in."""
    lines = content.split("\n")
    first = max(number for number, line in enumerate(lines[: example.line]) if _ENTRY.match(line))
    rest = (number for number, line in enumerate(lines) if number > first and _ENTRY.match(line))
    left = "\n".join([*lines[:first], *lines[next(rest, len(lines) - 1) :]])
    return left if _ENTRY.search(left) else re.sub(r"^nlu:$", "nlu: []", left, flags=re.MULTILINE)


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all."""
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
