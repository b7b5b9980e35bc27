"""Stand-ins: what belongs to one person alone is replaced before their words become an example for all.

Order numbers, phones and mail addresses are kept as what they are, marked, with values that are nobody's; addresses of
pages lose their paths, and any other long number its digits. Names and streets cannot be found by rule: whoever reviews
sees the words as they will be kept, and writes them anew where they say too much.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from nlu.training import ENTITY_KINDS, Annotation
from nlu.understanding import Entity, FindsEntities

MAIL = "someone@example.com"
"""RFC 2606 keeps this domain for examples."""
PAGE = "https://example.com"
TRIES = 20
"""Stand-ins for an order number that are tried until the business's pattern takes one."""
_LONG_NUMBER = re.compile(r"[0-9](?:[ -]?[0-9]){5,}")
_PAGE = re.compile(r"(?:https?://|www\.)[^\s，。！？、；）】」』]+", re.IGNORECASE)
_DIGIT = re.compile(r"[0-9]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """A stretch of the text that is something."""

    start: int
    end: int
    kind: str | None
    """An entity's; None: nothing that is learnt, but not to be kept as it is."""
    value: str = ""
    """As it was recognised; empty where a person marked it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """Words as they may be kept."""

    text: str
    entities: tuple[Annotation, ...]


def impersonal(text: str, spans: Sequence[Span], find: FindsEntities, *, seed: int) -> Kept:
    """The text with its entities marked, what is personal replaced. The same seed gives the same stand-ins."""
    pieces, entities, end, length = list[str](), list[Annotation](), 0, 0
    for place, span in enumerate(spans):
        words = text[span.start : span.end]
        pieces += [text[end : span.start], _stand_in(words, span, find, f"{seed}:{place}")]
        start = length + len(pieces[-2])
        length, end = start + len(pieces[-1]), span.end
        if span.kind is not None:
            entities.append(Annotation(kind=span.kind, value=pieces[-1], start=start, end=length))
    return Kept(text="".join([*pieces, text[end:]]), entities=tuple(entities))


def spans_of(text: str, found: Iterable[Entity], marks: Sequence[tuple[str, str]] = ()) -> list[Span]:
    """What is something in a text, in order and without overlaps: what a person marked, then what was found.

    `marks`: words and the kind they are; an empty kind says that they are nothing. Raises ValueError with a sentence
    where the words do not stand in the text, or the kind is none.
    """
    kept: list[Span] = []
    marked = [span for words, kind in marks for span in _marked(text, words, kind)]
    known = [
        Span(start=entity.start, end=entity.end, kind=entity.kind, value=entity.value)
        for entity in found
        if entity.kind in ENTITY_KINDS
    ]
    pages = [Span(start=match.start(), end=match.end(), kind=None) for match in _PAGE.finditer(text)]
    numbers = [Span(start=match.start(), end=match.end(), kind=None) for match in _LONG_NUMBER.finditer(text)]
    for span in (*marked, *known, *pages, *numbers):
        if all(span.end <= other.start or span.start >= other.end for other in kept):
            kept.append(span)
    return sorted((span for span in kept if span.kind != ""), key=lambda span: span.start)


def _marked(text: str, words: str, kind: str) -> Iterator[Span]:
    if kind and kind not in ENTITY_KINDS:
        raise ValueError(f"“{kind}” is no entity; there are {', '.join(ENTITY_KINDS)}")
    start = text.find(words) if words else -1
    if start < 0:
        raise ValueError(f"“{words}” does not stand in the message")
    while start >= 0:
        yield Span(start=start, end=start + len(words), kind=kind)
        start = text.find(words, start + len(words))


def _stand_in(words: str, span: Span, find: FindsEntities, seed: str) -> str:
    match span.kind:
        case "order_number":
            return _order_number(words, span, find, seed)
        case "phone":
            return _phone(words, span.value) or _other_digits(words, seed)
        case "email":
            return MAIL
        case None:
            return PAGE if _PAGE.fullmatch(words) else _other_digits(words, seed)
        case _:
            return words


def _order_number(words: str, span: Span, find: FindsEntities, seed: str) -> str:
    """Of the same form; where the business's pattern knew the number, it knows the stand-in."""
    other = _other_digits(words, seed)
    for attempt in range(TRIES if span.value else 0):
        if any(entity.kind == "order_number" and entity.text == other for entity in find.find(other)):
            break
        other = _other_digits(words, f"{seed}:{attempt}")
    return other


def _phone(words: str, value: str) -> str | None:
    """A number of the same country that libphonenumber gives as its example."""
    import phonenumbers

    try:
        number = phonenumbers.parse(value)
    except phonenumbers.NumberParseException:
        return None
    region = phonenumbers.region_code_for_number(number)
    example = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE) if region else None
    if example is None:
        return None
    form = phonenumbers.PhoneNumberFormat.E164 if words.startswith("+") else phonenumbers.PhoneNumberFormat.NATIONAL
    return phonenumbers.format_number(example, form)


def _other_digits(words: str, seed: str) -> str:
    """Each digit another one, that nobody can reckon back; no 0 at the front."""
    digits = iter(str(int(hashlib.sha256(seed.encode()).hexdigest(), 16)) * (1 + len(words) // 70))
    return _DIGIT.sub(lambda match: next(digits), words)
