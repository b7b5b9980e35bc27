"""Subjects: what of a customer's a route is about, told from its path alone, so that no page has to think of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from desk.locked_case import LONGEST_NUMBER
from desk.looks import Look
from desk.sight import Kind


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """What a request is about."""

    look: Look | None
    """What the log is told when it was shown; None: nothing is shown."""
    kind: Kind | None = None
    """What may be closed to whoever asks."""
    named: str | int = 0


def subject_of(pattern: str, request: web.Request) -> Subject | None:
    """Of a route's path. None: it is about nobody in particular."""
    about = next((about for prefix, about in _ABOUT.items() if pattern.startswith(prefix)), None)
    if about is None:
        return None
    kind, word = about
    match = request.match_info
    named: str | int = match["id"][:LONGEST_NUMBER] if kind is Kind.CASE else int(match["id"][:18])
    # To open a case is to begin one: whoever looks at it has seen it.
    look = Look(action="case.seen" if kind is Kind.CASE else f"{word}.opened", subject=f"{word}:{named}")
    if "{place" in pattern:
        look = Look(action="file.opened", subject=f"file:{named}/{match['line'][:18]}/{match['place'][:4]}")
    return Subject(look=look if request.method == "GET" else None, kind=kind, named=named)


_ABOUT: Final[Mapping[str, tuple[Kind | None, str]]] = {
    "/console/conversations/{id": (Kind.CONVERSATION, "conversation"),
    "/console/contacts/{id": (None, "contact"),
    "/console/cases/{id": (Kind.CASE, "case"),
    "/console/learning/lines/{id": (Kind.LINE, "line"),
}
