"""The facts in a text: order numbers, amounts, days, products, phones, mail addresses, numbers. For every engine."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nlu.amounts import find_amounts
from nlu.dates import MONTH_FIRST, find_dates, resolve_date
from nlu.quantities import find_numbers
from nlu.understanding import Entity

__all__ = ["Entities", "Product", "resolve_date"]

ORDER_PATTERN = r"SL[ -]?\d{8}"
MOST_ENTITIES = 32
"""Of a text: who writes more of them does not talk with us."""
MOST_CHARACTERS = 2000
"""Of a longer text, so much of its head and as much of its tail is searched."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Product:
    """Something the business sells."""

    name: str
    """What the entity's value will be."""
    words: tuple[str, ...]
    """Its names and aliases in every language and script; of at least two characters."""


class Entities:
    """Finds facts. `find` never raises."""

    def __init__(
        self, *, order_pattern: str = ORDER_PATTERN, catalogue: Sequence[Product] = (), region: str = "CN"
    ) -> None:
        """`order_pattern`: a regular expression, case does not matter; `region`: of phone numbers without a +, and
        of the order of day and month (nlu.dates)."""
        self._order = re.compile(rf"(?<![0-9a-z])(?:{order_pattern})(?![0-9a-z])", re.IGNORECASE)
        self._products = _Products(catalogue)
        self._region = region
        self._month_first = region in MONTH_FIRST

    def find(self, text: str) -> tuple[Entity, ...]:
        """In the order of the text, without overlaps."""
        if len(text) <= MOST_CHARACTERS:
            return self._find(text)
        tail = len(text) - min(MOST_CHARACTERS, len(text) - MOST_CHARACTERS)
        behind = [_moved(entity, tail) for entity in self._find(text[tail:])]
        return (*self._find(text[:MOST_CHARACTERS]), *behind)

    def _find(self, text: str) -> tuple[Entity, ...]:
        kept: list[Entity] = []
        for entity in self._candidates(_folded(text)):
            if all(entity.end <= other.start or entity.start >= other.end for other in kept):
                kept.append(_as_written(entity, text))
                if len(kept) == MOST_ENTITIES:
                    break
        if len(kept) > 1:
            kept.sort(key=lambda entity: entity.start)
        return tuple(kept)

    def _candidates(self, text: str) -> Iterator[Entity]:
        """All that may be one, the more certain kind first: what it covers is nothing else."""
        digits = _DIGIT.search(text) is not None
        if digits:
            for match in self._order.finditer(text):
                yield _entity("order_number", _SEPARATOR.sub("", match.group()).upper(), match)
        if "@" in text:
            for match in _EMAIL.finditer(text):
                yield _entity("email", match.group(), match)
        if digits and _SEVEN_DIGITS.search(text):
            for match in _PHONE.finditer(text):
                phone = _e164(match.group(), self._region)
                if phone:
                    yield _entity("phone", phone, match)
        yield from find_dates(text, month_first=self._month_first)
        yield from find_amounts(text)
        yield from self._products.find(text)
        yield from find_numbers(text)


class _Products:
    """Names by their first two characters, so that the size of the catalogue does not matter."""

    def __init__(self, catalogue: Sequence[Product]) -> None:
        self._by_start: dict[str, list[tuple[str, str]]] = {}
        for product in catalogue:
            for word in product.words:
                written = word.translate(_HALF_WIDTH).lower()
                if len(written) > 1:
                    self._by_start.setdefault(written[:2], []).append((written, product.name))
        for words in self._by_start.values():
            words.sort(key=lambda word: -len(word[0]))
        latin, others = (
            "".join(
                re.escape(first) for first in sorted({start[0] for start in self._by_start}) if first.isascii() is of
            )
            for of in (True, False)
        )
        # A Latin name is no part of a word: where one cannot begin, nothing is looked up.
        starts = [rf"(?<![0-9a-z])[{latin}]"] * bool(latin) + [rf"[{others}]"] * bool(others)
        self._starts = re.compile("|".join(starts)) if starts else None

    def find(self, text: str) -> Iterator[Entity]:
        if self._starts is None:
            return
        by_start, end = self._by_start, 0
        for match in self._starts.finditer(text):
            start = match.start()
            words = by_start.get(text[start : start + 2])
            if words is None or start < end:
                continue
            for word, name in words:
                if text.startswith(word, start) and _stands_alone(text, start, start + len(word)):
                    end = start + len(word)
                    yield Entity(kind="product", value=name, text=word, start=start, end=end)
                    break


_HALF_WIDTH = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)} | {0xFFE5: "¥", 0x3000: " ", 0x2019: "'"}
"""One character for one: offsets stay."""
_DIGIT = re.compile(r"[0-9]")
_SEVEN_DIGITS = re.compile(r"[0-9](?:[ ().-]{0,2}[0-9]){6}")
_SEPARATOR = re.compile(r"[\s-]")
_EMAIL = re.compile(
    r"(?<![a-z0-9._%+-])[a-z0-9][a-z0-9._%+-]{0,63}@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){0,4}\.[a-z]{2,24}(?![a-z0-9])"
)
_PHONE = re.compile(r"(?<![0-9a-z+./-])(?:\+|\(0|\(\+)?[0-9](?:[ ().-]{0,2}[0-9]){6,14}(?![0-9a-z]|[./-][0-9])")
_CHINESE_MOBILE = re.compile(r"1[3-9][0-9]{9}")


def _folded(text: str) -> str:
    """Half width and lower case, character by character, so that offsets stay."""
    if text.isascii():
        return text.lower()
    lower = text.translate(_HALF_WIDTH).lower()
    return lower if len(lower) == len(text) else text.translate(_HALF_WIDTH)


def _e164(written: str, region: str) -> str | None:
    """Source of the form: ITU-T E.164. The library is imported at the first number that needs it: that takes 90 ms."""
    if region == "CN" and _CHINESE_MOBILE.fullmatch(written):
        return f"+86{written}"
    import phonenumbers

    try:
        number = phonenumbers.parse(written, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _stands_alone(text: str, start: int, end: int) -> bool:
    """A Latin name is a word of its own or its plural (`teapots`), not a part of one; Han names need no edges."""
    if not text[start].isascii():
        return True
    before, after = text[start - 1 : start], text[end : end + 1]
    if after == "s":
        after = text[end + 1 : end + 2]
    return not any(edge.isascii() and edge.isalnum() for edge in (before, after))


def _entity(kind: str, value: str, match: re.Match[str]) -> Entity:
    return Entity(kind=kind, value=value, text=match.group(), start=match.start(), end=match.end())


def _as_written(entity: Entity, text: str) -> Entity:
    return Entity(
        kind=entity.kind,
        value=entity.value,
        text=text[entity.start : entity.end],
        start=entity.start,
        end=entity.end,
    )


def _moved(entity: Entity, by: int) -> Entity:
    return Entity(kind=entity.kind, value=entity.value, text=entity.text, start=entity.start + by, end=entity.end + by)
