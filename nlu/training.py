"""Training data: Rasa's files (format 3.1), read strictly. Source: rasa.com/docs/rasa/3.x/training-data-format.

One folder holds everything an engine learns from; `zh/` and `en/` in it are only for the eye. What Rasa would skip with
a warning is a mistake here, because a silently lost example is found months later.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import yaml

VERSIONS = ("3.0", "3.1")
ENTITY_KINDS = ("order_number", "amount", "date", "product", "phone", "email")


@dataclass(frozen=True, kw_only=True, slots=True)
class Annotation:
    """An entity marked in an example."""

    kind: str
    value: str
    """The value given with the mark, else the words themselves."""
    start: int
    end: int
    """Character offsets into the example's text, without the marks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """Something a person writes, and what they mean by it."""

    text: str
    intent: str
    entities: tuple[Annotation, ...] = ()
    file: str
    """Relative to the data folder."""
    line: int
    source: Mapping[str, str] = field(default_factory=dict[str, str], hash=False)
    """What the entry's `metadata` says of where it comes from."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Mistake:
    """Something wrong in a training file."""

    file: str
    line: int
    """From 1; 0 where the file as a whole is meant."""
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.reason}"


class TrainingDataMistakes(Exception):
    """The training data cannot be used."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__("\n".join(map(str, mistakes)))
        self.mistakes = tuple(mistakes)


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingData:
    """Everything the files of one folder say."""

    examples: tuple[Example, ...]
    synonyms: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """Value to the words that mean it."""
    regexes: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """Entity kind to patterns."""
    lookups: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """Entity kind to known values."""

    @property
    def intents(self) -> tuple[str, ...]:
        return tuple(sorted({example.intent for example in self.examples}))


def read(folder: Path, instead: Mapping[str, bytes] | None = None) -> TrainingData:
    """All `*.yml` files below a folder.

    `instead`: what files by relative path are going to hold, new ones among them, before anything is written.
    Raises TrainingDataMistakes with every mistake found, not only the first.
    """
    reader = _Reader()
    contents = {path.relative_to(folder).as_posix(): path.read_bytes() for path in training_files(folder)}
    contents |= instead or {}
    if not contents:
        raise TrainingDataMistakes([Mistake(file=str(folder), line=0, reason="there is no .yml file in this folder")])
    for file, content in sorted(contents.items()):
        reader.read(file, content)
    reader.check_across_files()
    if reader.mistakes:
        raise TrainingDataMistakes(sorted(reader.mistakes, key=lambda mistake: (mistake.file, mistake.line)))
    return reader.data()


def read_foreign(folder: Path, files: Sequence[Path]) -> tuple[list[Example], list[Mistake]]:
    """The examples of somebody else's files, and the mistakes in them.

    Any intent, any entity and all that Rasa's files may hold besides is welcome; the same words may mean two things.
    """
    reader = _Reader(foreign=True)
    for path in files:
        reader.read(path.relative_to(folder).as_posix(), path.read_bytes())
    return list(reader.data().examples), reader.mistakes


def training_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.yml") if path.is_file())


def fingerprint(folder: Path, *, recipe: str = "") -> str:
    """A hash of the files' names and contents, and of the recipe that makes a model of them. 16 hexadecimal digits."""
    digest = hashlib.sha256(recipe.encode())
    for path in training_files(folder):
        content = path.read_bytes()
        digest.update(f"\0{path.relative_to(folder).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:16]


_INTENT = re.compile(r"[a-z][a-z0-9_]*")
_MARK = re.compile(r"\[(?P<words>[^\[\]]+)\](?:\((?P<plain>[^()]*)\)|(?P<json>\{[^{}]*\}))")
_LISTS = ("synonym", "regex", "lookup")


class _Reader:
    """Gathers what the files say, and all that is wrong with them."""

    def __init__(self, *, foreign: bool = False) -> None:
        self.mistakes: list[Mistake] = []
        self._foreign = foreign
        self._examples: list[Example] = []
        self._lists: dict[str, dict[str, list[str]]] = {kind: {} for kind in _LISTS}
        self._file = ""

    def read(self, file: str, content: bytes) -> None:
        self._file = file
        try:
            root = yaml.compose(content.decode(), Loader=yaml.CSafeLoader)
        except UnicodeDecodeError as error:
            self._mistake(content.count(b"\n", 0, error.start) + 1, "this is not UTF-8")
            return
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark
            self._mistake(mark.line + 1 if mark else 0, f"not YAML: {error.problem or error.context}")
            return
        except yaml.YAMLError as error:
            self._mistake(0, f"not YAML: {error}")
            return
        if not isinstance(root, yaml.MappingNode):
            self._mistake(1, "the file must say `version` and `nlu`")
            return
        self._read_top(root)

    def check_across_files(self) -> None:
        """The same words cannot mean two things."""
        first: dict[str, Example] = {}
        for example in self._examples:
            known = first.setdefault(" ".join(example.text.lower().split()), example)
            if known.intent != example.intent:
                reason = f"“{example.text}” is already an example of {known.intent} ({known.file}:{known.line})"
                self.mistakes.append(Mistake(file=example.file, line=example.line, reason=reason))

    def data(self) -> TrainingData:
        lists = {kind: {name: tuple(values) for name, values in found.items()} for kind, found in self._lists.items()}
        return TrainingData(
            examples=tuple(self._examples),
            synonyms=lists["synonym"],
            regexes=lists["regex"],
            lookups=lists["lookup"],
        )

    def _read_top(self, root: yaml.MappingNode) -> None:
        keys = dict(self._pairs(root))
        if self._foreign:
            self._read_sections(keys.get("nlu"))
            return
        version = keys.get("version")
        if version is None:
            self._mistake(1, 'there is no `version: "3.1"`')
        elif not isinstance(version, yaml.ScalarNode) or version.value not in VERSIONS:
            self._mistake(_line(version), 'the version must be "3.0" or "3.1"')
        for name, node in keys.items():
            if name not in ("version", "nlu"):
                self._mistake(_line(node), f"`{name}` does not belong into a training file")
        self._read_sections(keys.get("nlu"))

    def _read_sections(self, sections: yaml.Node | None) -> None:
        if sections is None and self._foreign:
            return
        if not isinstance(sections, yaml.SequenceNode):
            self._mistake(_line(sections) if sections else 1, "`nlu` must be a list")
            return
        for section in cast("list[yaml.Node]", sections.value):
            self._read_section(section)

    def _read_section(self, section: yaml.Node) -> None:
        if not isinstance(section, yaml.MappingNode):
            self._mistake(_line(section), "an entry of `nlu` must say `intent`, `synonym`, `regex` or `lookup`")
            return
        keys = dict(self._pairs(section))
        kinds = [name for name in keys if name in ("intent", *_LISTS)]
        for name, node in keys.items():
            if name not in ("intent", "examples", "metadata", *_LISTS) and not self._foreign:
                self._mistake(_line(node), f"`{name}` is not known here")
        if len(kinds) != 1:
            self._mistake(_line(section), "an entry of `nlu` must say one of `intent`, `synonym`, `regex`, `lookup`")
            return
        name = keys[kinds[0]]
        if not isinstance(name, yaml.ScalarNode) or not str(name.value).strip():
            self._mistake(_line(name), f"`{kinds[0]}` must be a name")
            return
        lines = list(self._lines(keys.get("examples"), section))
        if kinds[0] == "intent":
            self._read_intent(str(name.value), _line(name), lines, self._source(keys.get("metadata")))
        else:
            self._read_list(kinds[0], str(name.value), _line(name), lines)

    def _source(self, node: yaml.Node | None) -> Mapping[str, str]:
        if isinstance(node, yaml.MappingNode):
            return {name: str(cast("object", value.value)) for name, value in self._pairs(node)}
        if node is not None and not self._foreign:
            self._mistake(_line(node), "`metadata` must say things by name")
        return {}

    def _read_intent(self, intent: str, line: int, lines: list[tuple[int, str]], source: Mapping[str, str]) -> None:
        if not _INTENT.fullmatch(intent) and not self._foreign:
            self._mistake(line, f"“{intent}” is no intent name: lower-case letters, digits and _")
        for number, marked in lines:
            example = self._example(intent, number, marked)
            if example is not None:
                self._examples.append(replace(example, source=source) if source else example)

    def _read_list(self, kind: str, name: str, line: int, lines: list[tuple[int, str]]) -> None:
        if self._foreign:
            return
        if kind != "synonym" and name not in ENTITY_KINDS:
            self._mistake(line, f"“{name}” is no entity; there are {', '.join(ENTITY_KINDS)}")
        for number, value in lines if kind == "regex" else ():
            try:
                re.compile(value)
            except re.error as error:
                self._mistake(number, f"not a regular expression: {error}")
        self._lists[kind].setdefault(name, []).extend(value for _, value in lines)

    def _example(self, intent: str, line: int, marked: str) -> Example | None:
        text, end, entities = "", 0, list[Annotation]()
        for mark in _MARK.finditer(marked):
            text += marked[end : mark.start()]
            end = mark.end()
            kind, value = self._kind_and_value(line, mark)
            if kind is None:
                return None
            start = len(text)
            text += mark["words"]
            entities.append(Annotation(kind=kind, value=value or mark["words"], start=start, end=len(text)))
        text += marked[end:]
        if re.search(r"\]\s*[({]", text) and not self._foreign:
            self._mistake(line, 'an entity is marked as [words](kind) or [words]{"entity": "kind"}')
            return None
        return Example(text=text, intent=intent, entities=tuple(entities), file=self._file, line=line)

    def _kind_and_value(self, line: int, mark: re.Match[str]) -> tuple[str | None, str]:
        kind, _, value = (mark["plain"] or "").partition(":")
        if mark["json"]:
            try:
                said = cast("object", json.loads(mark["json"]))
            except json.JSONDecodeError as error:
                self._mistake(line, f"the braces after [{mark['words']}] hold no JSON: {error.msg}")
                return None, ""
            facts = cast("dict[str, object]", said)
            kind, value = str(facts.get("entity", "")), str(facts.get("value", ""))
        if kind not in ENTITY_KINDS and not self._foreign:
            self._mistake(line, f"“{kind}” is no entity; there are {', '.join(ENTITY_KINDS)}")
            return None, ""
        return kind, value

    def _lines(self, node: yaml.Node | None, section: yaml.Node) -> Iterator[tuple[int, str]]:
        """The examples of a block (`examples: |`), each with its line."""
        if self._foreign and isinstance(node, yaml.SequenceNode):
            yield from self._listed(cast("list[yaml.Node]", node.value))
            return
        if not isinstance(node, yaml.ScalarNode) or node.style != "|":
            self._mistake(_line(node or section), "`examples` must be a block: `examples: |`, then a line `- …` each")
            return
        first, found = _line(node) + 1, False
        for offset, line in enumerate(str(node.value).split("\n")):
            if not line.strip():
                continue
            found = True
            example = line.strip()
            if not example.startswith("- ") or not example[2:].strip():
                self._mistake(first + offset, "an example is a line that begins with `- ` and says something")
                continue
            yield first + offset, example[2:].strip()
        if not found:
            self._mistake(_line(node), "there are no examples here")

    def _listed(self, nodes: Sequence[yaml.Node]) -> Iterator[tuple[int, str]]:
        """The examples of a list: each a text, or `text` with something about it."""
        for node in nodes:
            said = dict(self._pairs(node)).get("text") if isinstance(node, yaml.MappingNode) else node
            if isinstance(said, yaml.ScalarNode) and str(said.value).strip():
                yield _line(said), str(said.value).strip().removeprefix("- ")
            else:
                self._mistake(_line(node), "an example of a list must say `text`")

    def _pairs(self, node: yaml.MappingNode) -> Iterator[tuple[str, yaml.Node]]:
        seen: set[str] = set()
        for key, value in cast("list[tuple[yaml.Node, yaml.Node]]", node.value):
            name = str(cast("object", key.value))
            if name in seen:
                self._mistake(_line(key), f"`{name}` stands here twice")
            seen.add(name)
            yield name, value

    def _mistake(self, line: int, reason: str) -> None:
        self.mistakes.append(Mistake(file=self._file, line=line, reason=reason))


def _line(node: yaml.Node) -> int:
    return node.start_mark.line + 1
