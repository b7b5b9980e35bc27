"""The board: a supervisor sees who is here, what each has to do and what waits, and passes it on from there."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

from aiohttp import web

from desk import board as desk
from desk.reasons import in_words
from desk.rights import Right
from desk.teams import Colleague
from nlu.understanding import Language
from storage.presence import State
from web.console.inbox import channel_name
from web.console.page import get
from web.console.visit import Visit


async def board(visit: Visit) -> web.Response:
    """A piece of it alone, where the page renews itself."""
    playbook = visit.house.playbook()
    now = visit.house.now()
    seen = await visit.house.look(lambda transaction: desk.board(transaction, playbook=playbook))
    opens = None if seen.opens_at is None else seen.opens_at.astimezone(playbook.hours.time_zone)
    whole = "HX-Request" not in visit.request.headers
    return visit.page(
        "routing/board.html" if whole else "routing/floor.html",
        board=seen,
        people=sorted(seen.people, key=_here_first),
        opens=opens,
        today=now.astimezone(playbook.hours.time_zone).date(),
        seconds=partial(_seconds, now),
        reason=partial(in_words, language=Language(visit.language)),
        channel=partial(channel_name, visit),
    )


def _here_first(one: Colleague) -> tuple[int, str]:
    return list(State).index(one.here.state), one.name


def _seconds(now: datetime, since: datetime) -> int:
    return int((now - since.astimezone(UTC)).total_seconds())


ROUTES = (get("/console/board", Right.DIRECT, board),)
