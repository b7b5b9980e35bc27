"""Files to train and to test with, from wherever they come: Rasa's YAML and JSON, and CSV with `text,intent`.

Unlike the house's own training data (nlu.training) they may name any intent and any entity. Source of Rasa's forms:
rasa.com/docs/rasa/3.x/training-data-format and, for the JSON, legacy-docs-v1.rasa.com/nlu/training-data-format.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from nlu import training
from nlu.training import Annotation, Example, Mistake, TrainingDataMistakes

OUT_OF_SCOPE = "out_of_scope"
"""The label of what must be refused."""
LONGEST_FIELD = 10_000_000
"""Characters of one CSV field: a quote that is never closed swallows the rest of a file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Dataset:
    """What somebody wrote down of what people say and mean."""

    examples: tuple[Example, ...]
    oddities: tuple[Mistake, ...] = ()
    """What was left out or looks wrong and harms nobody: empty texts, repetitions, the same words under two intents."""

    @property
    def intents(self) -> tuple[str, ...]:
        return tuple(sorted({example.intent for example in self.examples}))


def read(path: Path) -> Dataset:
    """A `.csv`, `.json`, `.yml` or `.yaml` file, or a folder of YAML files.

    Raises TrainingDataMistakes with file, line and reason of everything that makes it unusable.
    """
    gathered = _Gathered(path.name)
    try:
        if path.is_dir():
            gathered.examples, mistakes = training.read_foreign(path, training.training_files(path))
            gathered.mistakes += mistakes
            if not training.training_files(path):
                gathered.mistake(0, "there is no .yml file in this folder")
        elif path.suffix.lower() in (".yml", ".yaml"):
            gathered.examples, mistakes = training.read_foreign(path.parent, [path])
            gathered.mistakes += mistakes
        elif path.suffix.lower() == ".csv":
            _read_csv(gathered, path.read_bytes())
        elif path.suffix.lower() == ".json":
            _read_json(gathered, path.read_bytes())
        else:
            gathered.mistake(0, "a file must end in .csv, .json, .yml or .yaml")
    except OSError as error:
        gathered.mistake(0, f"it cannot be read: {error.strerror}")
    if not gathered.mistakes and not gathered.examples:
        gathered.mistake(0, "there are no examples in it")
    if gathered.mistakes:
        raise TrainingDataMistakes(sorted(gathered.mistakes, key=lambda mistake: (mistake.file, mistake.line)))
    return Dataset(examples=tuple(gathered.examples), oddities=(*gathered.oddities, *_repetitions(gathered.examples)))


class _Gathered:
    """What one file says, and what is wrong with it."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.examples: list[Example] = []
        self.mistakes: list[Mistake] = []
        self.oddities: list[Mistake] = []

    def mistake(self, line: int, reason: str) -> None:
        self.mistakes.append(Mistake(file=self.file, line=line, reason=reason))

    def oddity(self, line: int, reason: str) -> None:
        self.oddities.append(Mistake(file=self.file, line=line, reason=reason))

    def add(self, line: int, text: str, intent: str, entities: tuple[Annotation, ...] = ()) -> None:
        """An example, unless it says nothing or means nothing."""
        if not text.strip():
            self.oddity(line, "left out: it has no text")
        elif not intent.strip():
            self.mistake(line, f"“{_shown(text)}” has no intent")
        else:
            self.examples.append(
                Example(text=text, intent=intent.strip(), entities=entities, file=self.file, line=line)
            )

    def decoded(self, content: bytes) -> str | None:
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            self.mistake(content.count(b"\n", 0, error.start) + 1, "this is not UTF-8")
            return None


def _read_csv(gathered: _Gathered, content: bytes) -> None:
    text = gathered.decoded(content)
    if text is None:
        return
    before = csv.field_size_limit(LONGEST_FIELD)
    line = 1
    try:
        header: list[str] | None = None
        rows = csv.reader(io.StringIO(text, newline=""), strict=True)
        for row in rows:
            if header is None:
                header = [name.strip().lower() for name in row]
                if "text" not in header or "intent" not in header:
                    gathered.mistake(line, f"the header must be `text,intent`, not “{_shown(','.join(row))}”")
                    return
            elif row:
                _add_row(gathered, line, row, header)
            else:
                gathered.oddity(line, "left out: the line is empty")
            line = rows.line_num + 1
        if header is None:
            gathered.mistake(0, "it is empty; the header must be `text,intent`")
    except csv.Error as error:
        gathered.mistake(line, f"not CSV: {error}")
    finally:
        csv.field_size_limit(before)


def _add_row(gathered: _Gathered, line: int, row: list[str], header: list[str]) -> None:
    if len(row) != len(header):
        gathered.mistake(
            line, f"{len(row)} fields, where the header has {len(header)}; a text with a comma needs quotes"
        )
        return
    gathered.add(line, row[header.index("text")], row[header.index("intent")])


def _read_json(gathered: _Gathered, content: bytes) -> None:
    text = gathered.decoded(content)
    if text is None:
        return
    try:
        root = cast("object", json.loads(text))
    except json.JSONDecodeError as error:
        gathered.mistake(error.lineno, f"not JSON: {error.msg}")
        return
    except RecursionError:
        gathered.mistake(0, "not Rasa's JSON: too deeply nested")
        return
    said = _field(_field(root, "rasa_nlu_data"), "common_examples")
    if not isinstance(said, list):
        gathered.mistake(0, "not Rasa's JSON: there is no list `rasa_nlu_data.common_examples`")
        return
    lines = _lines_of_texts(text)
    for number, example in enumerate(cast("list[object]", said), 1):
        _add_example(gathered, next(lines, 0), number, example)


def _add_example(gathered: _Gathered, line: int, number: int, said: object) -> None:
    text, intent = _field(said, "text"), _field(said, "intent")
    if not isinstance(text, str) or not isinstance(intent, str | None):
        gathered.mistake(line, f"example {number} must say `text` and `intent`")
        return
    marked = _field(said, "entities")
    entities: list[Annotation] = []
    for mark in cast("list[object]", marked) if isinstance(marked, list) else []:
        kind, start, end = _field(mark, "entity"), _field(mark, "start"), _field(mark, "end")
        if not isinstance(kind, str) or not isinstance(start, int) or not isinstance(end, int):
            gathered.oddity(line, f"left out: an entity of “{_shown(text)}” has no name, start or end")
        elif not 0 <= start < end <= len(text):
            gathered.oddity(line, f"left out: the entity {kind} lies outside of “{_shown(text)}”")
        else:
            value = _field(mark, "value")
            words = text[start:end]
            entities.append(
                Annotation(kind=kind, value=value if isinstance(value, str) else words, start=start, end=end)
            )
    gathered.add(line, text, intent or "", tuple(entities))


def _field(said: object, name: str) -> object:
    return cast("dict[str, object]", said).get(name) if isinstance(said, dict) else None


def _lines_of_texts(source: str) -> Iterator[int]:
    """The line of each `"text":` of a JSON file, in order: the parser does not say where things stood."""
    for number, line in enumerate(source.split("\n"), 1):
        for _ in range(line.count('"text":') + line.count('"text" :')):
            yield number


def _repetitions(examples: Sequence[Example]) -> Iterator[Mistake]:
    first: dict[str, Example] = {}
    for example in examples:
        known = first.setdefault(" ".join(example.text.lower().split()), example)
        if known is example:
            continue
        where = f"{known.file}:{known.line}"
        if known.intent != example.intent:
            reason = f"“{_shown(example.text)}” is {example.intent} here and {known.intent} in {where}"
        else:
            reason = f"“{_shown(example.text)}” repeats {where}"
        yield Mistake(file=example.file, line=example.line, reason=reason)


def _shown(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 60 else f"{flat[:59]}…"
