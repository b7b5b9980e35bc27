"""Wordings: what may be said, with which placeholders, and the safe way of putting values into them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from bot.located import Place, Section, read_mapping
from bot.words import UNLESS_SET, WORDS
from nlu.understanding import Language

PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
SHORT = "@sms"
"""`help@sms` beside `help`: how the same is said where each segment is paid for. It may stand in any language."""


@dataclass(frozen=True, slots=True)
class Wording:
    """One way of saying something, taken apart once: every second piece is the name of a placeholder.

    Values go in as they are and are never looked at again: a customer who calls himself `{amount}` or
    `{0.__class__}` is shown as just that.
    """

    pieces: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> Wording:
        return cls(tuple(PLACEHOLDER.split(text)))

    @property
    def placeholders(self) -> frozenset[str]:
        return frozenset(self.pieces[1::2])

    def say(self, values: Mapping[str, str]) -> str:
        if len(self.pieces) == 1:
            return self.pieces[0]
        return "".join(values[piece] if i % 2 else piece for i, piece in enumerate(self.pieces))


Texts = Mapping[str, tuple[Wording, ...]]
"""All variants of every key, in one language."""


def read_texts(content: str, language: Language, place: Place) -> Texts:
    """`texts/<language>.yml`: two levels of keys, each with a text or a list of variants."""
    root = read_mapping(content, place)
    found: dict[str, tuple[Wording, ...]] = {}
    if root is None:
        return found
    for group, node, _ in root.entries():
        section = root.as_section(node, group)
        if section is not None:
            found.update(_read_group(section))
    for key, usual in UNLESS_SET[language].items():
        found.setdefault(key, (Wording.of(usual),))
    for key in WORDS:
        if key not in found:
            place.note(root.line, f"`{key}` is missing.")
        elif _longest(found.get(key + SHORT, ())) > _longest(found[key]):
            place.note(root.line, f"`{key}{SHORT}` is longer than `{key}`, which it shortens.")
    return found


def _read_group(section: Section) -> Texts:
    found: dict[str, tuple[Wording, ...]] = {}
    for key, node, line in section.entries():
        name = section.name(key)
        if name.removesuffix(SHORT) not in WORDS:
            section.note(f"`{name}` is not a text that the assistant knows.", line)
            continue
        variants = tuple(Wording.of(text.strip()) for text in section.as_words(node, key))
        may_be_empty = name in UNLESS_SET[Language.EN]
        if not variants or (not may_be_empty and any(not "".join(each.pieces).strip() for each in variants)):
            section.note(f"`{name}` is empty.", line)
        for wording in variants:
            _check(wording, name, section, line)
        found[name] = variants
    return found


def _check(wording: Wording, name: str, section: Section, line: int) -> None:
    allowed = frozenset(WORDS[name.removesuffix(SHORT)].split())
    for unknown in sorted(wording.placeholders - allowed):
        known = ", ".join(f"{{{placeholder}}}" for placeholder in sorted(allowed)) or "none"
        section.note(f"`{name}` has no placeholder {{{unknown}}}; it knows {known}.", line)
    for piece in wording.pieces[::2]:
        if "{" in piece or "}" in piece:
            section.note(f"`{name}` has a brace that is no placeholder.", line)
            return


def _longest(variants: tuple[Wording, ...]) -> int:
    """Characters of the longest variant, without what is filled in."""
    return max((sum(map(len, wording.pieces[::2])) for wording in variants), default=0)
