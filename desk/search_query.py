"""What somebody typed into the search: words, `"a phrase"`, `-without`, and a few conditions such as `channel:sms`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from typing import NoReturn
from unicodedata import normalize
from zoneinfo import ZoneInfo

from desk.refusals import Unusable
from nlu.chinese import simplified
from storage.search_words import MOST_TERMS, Term, term

LONGEST_QUERY = 500
"""Characters; what comes after is not asked for."""


class State(StrEnum):
    """Of the conversations and cases that are looked through."""

    OPEN = "open"
    CLOSED = "closed"
    SPAM = "spam"


class NoDate(Unusable):
    """`before:` and `after:` want a day, such as 2026-11-01."""


class NoState(Unusable):
    """`is:` wants open, closed or spam."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A query, understood."""

    wanted: tuple[tuple[str, Term], ...] = ()
    """Each as it was typed, and what is looked for."""
    unwanted: tuple[Term, ...] = ()
    channel: str | None = None
    author: str | None = None
    """Who wrote it, as it was typed."""
    state: State | None = None
    case: str | None = None
    """A case's number."""
    after: datetime | None = None
    before: datetime | None = None

    @property
    def of_lines_alone(self) -> bool:
        """It asks for what only something that was said has."""
        return bool(self.channel or self.author or self.case)

    @property
    def narrowed(self) -> bool:
        """It asks for what a person has not."""
        return bool(self.of_lines_alone or self.state or self.after or self.before)


CONDITIONS: Mapping[str, str] = {
    "channel": "channel",
    "渠道": "channel",
    "管道": "channel",
    "from": "from",
    "来自": "from",
    "來自": "from",
    "is": "is",
    "状态": "is",
    "狀態": "is",
    "case": "case",
    "工单": "case",
    "案件": "case",
    "before": "before",
    "早于": "before",
    "早於": "before",
    "after": "after",
    "晚于": "after",
    "晚於": "after",
}
"""As agents write them in their language."""
STATES: Mapping[str, State] = {
    "open": State.OPEN,
    "进行中": State.OPEN,
    "進行中": State.OPEN,
    "closed": State.CLOSED,
    "已结束": State.CLOSED,
    "已結束": State.CLOSED,
    "spam": State.SPAM,
    "垃圾": State.SPAM,
}
_QUOTES = '"“”「」『』«»„'
_PIECE = re.compile(
    rf"(?P<without>(?<!\S)[-−])?"
    rf"(?:(?P<name>{'|'.join(CONDITIONS)})[:\uff1a](?P<value>[{_QUOTES}][^{_QUOTES}]*[{_QUOTES}]?|\S+)"
    rf"|[{_QUOTES}](?P<phrase>[^{_QUOTES}]*)[{_QUOTES}]?|(?P<word>[^\s{_QUOTES}]+))",
    re.IGNORECASE,
)
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_DAY = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?")


def understood(query: str, zone: ZoneInfo) -> Asked:
    """Days are those of `zone`. Raises NoDate, NoState."""
    wanted: list[tuple[str, Term]] = []
    unwanted: list[Term] = []
    conditions: dict[str, str] = {}
    for piece in _PIECE.finditer(storable(query[:LONGEST_QUERY])):
        name = piece["name"]
        if name is not None:
            conditions[CONDITIONS[name.lower()]] = piece["value"].strip(_QUOTES)
            continue
        typed = piece["phrase"] if piece["phrase"] is not None else piece["word"]
        asked = term(typed, simplified(), whole=piece["phrase"] is not None)
        if asked is None:
            continue
        if piece["without"]:
            unwanted.append(asked)
        else:
            wanted.append((typed, asked))
    return Asked(
        wanted=tuple(wanted[:MOST_TERMS]),
        unwanted=tuple(unwanted[:MOST_TERMS]),
        channel=conditions.get("channel"),
        author=conditions.get("from"),
        state=_state(conditions.get("is")),
        case=_number(conditions.get("case")),
        after=_day(conditions.get("after"), zone),
        before=_day(conditions.get("before"), zone),
    )


def storable(query: str) -> str:
    """Without what no database takes as text."""
    return _UNSTORABLE.sub(" ", query)


def _state(given: str | None) -> State | None:
    if given is None:
        return None
    if (state := STATES.get(given.lower())) is None:
        raise NoState(f"is: wants {', '.join(State)}; {given!r} is none of them")
    return state


def _number(given: str | None) -> str | None:
    """`1042` is C-1042."""
    if given is None:
        return None
    plain = normalize("NFKC", given).upper()
    return f"C-{plain}" if plain.isdigit() else plain


def _day(given: str | None, zone: ZoneInfo) -> datetime | None:
    """The moment at which a day begins."""
    if given is None:
        return None
    found = _DAY.fullmatch(normalize("NFKC", given))
    try:
        return datetime.combine(date(*(int(part) for part in found.groups())), time(), zone) if found else _none(given)
    except ValueError:
        return _none(given)


def _none(given: str) -> NoReturn:
    raise NoDate(f"{given!r} is no day such as 2026-11-01")
