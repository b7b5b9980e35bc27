"""getUpdates: the next updates, each as JSON of its own, whatever one of them does to the others."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, cast

from channels.envelope import SendError, SendErrorCode
from channels.telegram.api import Answer, BotApi, result_of
from channels.telegram.json import Unreadable, as_object, need_integer, parse, unparse
from channels.telegram.updates import ALLOWED_UPDATES

BATCH: Final = 100
"""Updates at a time; Telegram gives no more. Source: https://core.telegram.org/bots/api#getupdates"""

_UPDATE_ID: Final = re.compile(rb'"update_id"\s*:\s*(\d{1,18})')


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """Updates in the order of their numbers, which is the order in which they happened."""

    updates: tuple[bytes, ...]
    cursor: str
    """The last number among them, not the highest ever: after a quiet week Telegram counts on from any number."""


async def next_updates(api: BotApi, cursor: str | None, *, wait: int, spare: float) -> Batch | None:
    """Updates after `cursor`, None if there were none for `wait` seconds. Raises SendError after `spare` more.

    Where one update makes the whole answer unreadable, the next one is asked for alone; if that is the culprit, its
    number is found all the same, so that it can be refused and the others come through.
    """
    try:
        return _batch(await _ask(api, cursor, BATCH, wait=wait, spare=spare))
    except Unreadable:
        answer = await _ask(api, cursor, 1, wait=wait, spare=spare)
    try:
        return _batch(answer)
    except Unreadable as mistake:
        if found := _UPDATE_ID.search(answer.body):
            return Batch(updates=(answer.body,), cursor=str(int(found[1])))
        raise SendError(SendErrorCode.PROVIDER_ERROR, f"getUpdates: {mistake}") from None


async def _ask(api: BotApi, cursor: str | None, limit: int, *, wait: int, spare: float) -> Answer:
    from channels.telegram.methods import GetUpdates

    offset = None if cursor is None else int(cursor) + 1
    method = GetUpdates(offset=offset, limit=limit, timeout=wait, allowed_updates=list(ALLOWED_UPDATES))
    return await api.ask(method, within=wait + spare)


def _batch(answer: Answer) -> Batch | None:
    """Raises Unreadable for a 200 that is no list of updates, SendError for every other answer."""
    if answer.status == 200:
        as_object(parse(answer.body), "the answer")
    result = result_of(answer)
    if not isinstance(result, list):
        raise Unreadable("the result is no list")
    updates = cast(list[object], result)
    numbers = [number for update in updates if (number := _number(update)) is not None]
    if updates and not numbers:
        raise Unreadable("an update without a number")
    ordered = sorted(updates, key=lambda update: _number(update) or 0)
    return Batch(updates=tuple(map(unparse, ordered)), cursor=str(max(numbers))) if updates else None


def _number(update: object) -> int | None:
    try:
        return need_integer(as_object(update, "the update"), "update_id")
    except Unreadable:
        return None
