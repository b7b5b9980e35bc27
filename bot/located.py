"""YAML read with the line of everything in it, so that each mistake in a playbook can be shown where it stands."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar, cast

import yaml

from nlu.understanding import Language

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Mistake:
    """One thing that is wrong in a playbook."""

    file: str
    line: int
    """Counted from 1."""
    sentence: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.sentence}"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the mistakes of one file are gathered."""

    file: str
    mistakes: list[Mistake]

    def note(self, line: int, sentence: str) -> None:
        self.mistakes.append(Mistake(file=self.file, line=line, sentence=sentence))


def read_mapping(content: str, place: Place, *, offset: int = 0) -> Section | None:
    """The file's top level, or None with the reason noted. `offset` lines stand before `content` in its file."""
    try:
        root = yaml.compose(content, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place.note((mark.line if mark else 0) + 1 + offset, f"this is not YAML: {error.problem or error.context}.")
        return None
    except yaml.YAMLError as error:
        place.note(1 + offset, f"this is not YAML: {' '.join(str(error).split())}.")
        return None
    if root is None:
        place.note(1 + offset, "the file is empty.")
        return None
    if not isinstance(root, yaml.MappingNode):
        place.note(1 + offset, "the file should be a list of keys with values.")
        return None
    return Section(node=root, place=place, path="", offset=offset)


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """A mapping in a YAML file. Each reading notes what is wrong and gives a harmless value, so that all is found."""

    node: yaml.MappingNode
    place: Place
    path: str
    offset: int = 0
    seen: set[str] = field(default_factory=set[str])

    @property
    def line(self) -> int:
        return _line(self.node, self.offset)

    def note(self, sentence: str, line: int | None = None) -> None:
        self.place.note(line or self.line, sentence)

    def name(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def entries(self) -> Iterator[tuple[str, yaml.Node, int]]:
        """Key, value and line of everything here; repeated keys are noted and left out."""
        known: set[str] = set()
        for key_node, value in cast("list[tuple[yaml.Node, yaml.Node]]", self.node.value):
            line = _line(key_node, self.offset)
            if not isinstance(key_node, yaml.ScalarNode):
                self.note("a key should be a plain word.", line)
                continue
            key = str(key_node.value)
            if key in known:
                self.note(f"`{self.name(key)}` stands here a second time.", line)
                continue
            known.add(key)
            yield key, value, line

    def line_of(self, key: str) -> int:
        return next((line for name, _, line in self.entries() if name == key), self.line)

    def find(self, key: str) -> yaml.Node | None:
        self.seen.add(key)
        for key_node, value in cast("list[tuple[yaml.Node, yaml.Node]]", self.node.value):
            if isinstance(key_node, yaml.ScalarNode) and key_node.value == key:
                return value
        return None

    def finish(self) -> None:
        """Note every key that nobody asked for."""
        for key, _, line in self.entries():
            if key not in self.seen:
                known = ", ".join(sorted(self.seen))
                self.note(f"`{self.name(key)}` is not known here; known are {known}.", line)

    def section(self, key: str, *, required: bool = True) -> Section | None:
        node = self.find(key)
        if node is None:
            if required:
                self.note(f"`{self.name(key)}` is missing.")
            return None
        return self.as_section(node, key)

    def as_section(self, node: yaml.Node, key: str) -> Section | None:
        if not isinstance(node, yaml.MappingNode):
            self.note(f"`{self.name(key)}` should hold keys with values.", _line(node, self.offset))
            return None
        return Section(node=node, place=self.place, path=self.name(key), offset=self.offset)

    def text(self, key: str, default: str | None = None) -> str:
        return self._scalar(key, ("str",), str, default, "a text", "")

    def integer(self, key: str, default: int | None = None, *, least: int = 0) -> int:
        value = self._scalar(key, ("int",), _integer, default, "a whole number", least)
        if value < least:
            self.note(f"`{self.name(key)}` should be at least {least}.", self.line_of(key))
        return value

    def number(self, key: str, default: float | None = None, *, least: float = 0, most: float = 1e12) -> float:
        value = self._scalar(key, ("int", "float"), float, default, "a number", least)
        if not least <= value <= most:
            self.note(f"`{self.name(key)}` should be between {least:g} and {most:g}.", self.line_of(key))
        return value

    def boolean(self, key: str, default: bool | None = None) -> bool:
        return self._scalar(key, ("bool",), _boolean, default, "true or false", False)

    def choice(self, key: str, allowed: Collection[str], default: str | None = None) -> str:
        value = self.text(key, default)
        if value and value not in allowed:
            self.note(f"`{self.name(key)}` is {value!r}; it should be one of {', '.join(allowed)}.", self.line_of(key))
        return value

    def words(self, key: str, *, required: bool = True) -> tuple[str, ...]:
        node = self.find(key)
        if node is None:
            if required:
                self.note(f"`{self.name(key)}` is missing.")
            return ()
        return self.as_words(node, key)

    def as_words(self, node: yaml.Node, key: str) -> tuple[str, ...]:
        if isinstance(node, yaml.ScalarNode) and node.tag.endswith(":str"):
            return (str(node.value),)
        if not isinstance(node, yaml.SequenceNode):
            self.note(f"`{self.name(key)}` should be a text or a list of texts.", _line(node, self.offset))
            return ()
        found: list[str] = []
        for item in cast("list[yaml.Node]", node.value):
            if isinstance(item, yaml.ScalarNode) and item.tag.endswith(":str") and str(item.value).strip():
                found.append(str(item.value))
            else:
                self.note(f"`{self.name(key)}` should hold texts only (put it in quotes).", _line(item, self.offset))
        return tuple(found)

    def by_language(self, key: str) -> Mapping[Language, str]:
        section = self.section(key)
        if section is None:
            return dict.fromkeys(Language, "")
        found = {language: section.text(language.value) for language in Language}
        section.finish()
        return found

    def _scalar(
        self, key: str, tags: tuple[str, ...], read: Callable[[str], T], default: T | None, right: str, harmless: T
    ) -> T:
        node = self.find(key)
        if node is None:
            if default is None:
                self.note(f"`{self.name(key)}` is missing; it should be {right}.")
                return harmless
            return default
        if isinstance(node, yaml.ScalarNode) and node.tag.rpartition(":")[2] in tags:
            try:
                return read(str(node.value))
            except ValueError:
                pass
        hint = " (put it in quotes)" if tags == ("str",) and isinstance(node, yaml.ScalarNode) else ""
        self.note(f"`{self.name(key)}` should be {right}{hint}.", _line(node, self.offset))
        return harmless


def _line(node: yaml.Node, offset: int) -> int:
    return node.start_mark.line + 1 + offset if node.start_mark else 1 + offset


def _integer(text: str) -> int:
    return int(text.replace("_", ""))


def _boolean(text: str) -> bool:
    return text.casefold() in {"true", "yes", "on"}
