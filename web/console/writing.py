"""Writing in a conversation: a reply or a note, kept while it is typed, with files, and taken back in time."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any, Final

from aiohttp import web
from aiohttp.web_request import FileField

from channels.envelope import AttachmentKind
from channels.protocol import StorageUnavailable
from desk import canned, drafts, inbox, mentions
from desk import writing as desk
from desk.drafts import Begun
from desk.inbox import Thread
from desk.refusals import NotFound, Refused
from desk.rights import Right
from storage.commits import Transaction
from web.console.conversations import TALK, act, gone, number, weigh
from web.console.filetypes import type_of
from web.console.lines import size
from web.console.page import get, post
from web.console.visit import Visit
from web.console.weighing import NOTHING

LARGEST_UPLOAD: Final = 50 * 1024 * 1024
"""Bytes; what a channel carries may be less."""
LARGEST_PHOTO: Final = 10 * 1024 * 1024
"""A larger picture goes as a file (Telegram: https://core.telegram.org/bots/api#sendphoto)."""
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f/\\\u202a-\u202e\u2066-\u2069]")


async def reply(visit: Visit) -> web.Response:
    """A word to the customer, or, with `kind=note`, to colleagues."""
    given = await visit.form()
    if given.get("kind") == "note":
        return await note(visit)
    text, conversation, who = given.get("text", ""), number(visit), visit.who
    seen = _seen(given)
    playbook, house = visit.house.playbook(), visit.house

    def send(transaction: Transaction) -> object:
        known = inbox.show(transaction, conversation=conversation, limit=0)
        channel = house.channel(known.channel)
        return desk.send(
            transaction,
            conversation=conversation,
            who=who,
            text=text,
            seen=seen,
            limits=NOTHING if channel is None else channel.limits,
            playbook=playbook,
            undo=desk.UNDO,
        )

    return await act(visit, send, draft=text, seen=seen)


async def note(visit: Visit) -> web.Response:
    given, conversation, who = await visit.form(), number(visit), visit.who
    text = given.get("text", "")
    return await act(
        visit,
        lambda transaction: desk.note(transaction, conversation=conversation, who=who, text=text),
        draft=text,
        seen=_seen(given),
    )


async def undo(visit: Visit) -> web.Response:
    given, conversation, who = await visit.form(), number(visit), visit.who
    interaction = int(given["interaction"][:18]) if given.get("interaction", "").isdigit() else 0
    return await act(
        visit,
        lambda transaction: desk.undo(transaction, conversation=conversation, interaction=interaction, who=who),
    )


async def draft(visit: Visit) -> web.Response:
    """Keep what is written so far, and say what it would be."""
    given = await visit.form()
    text = given.get("text", "")
    to_customer = given.get("kind") != "note"
    return await _on_draft(visit, drafts.save, shown=text, to_customer=to_customer, text=text, seen=_seen(given))


async def attach(visit: Visit) -> web.Response:
    """A file goes along with what is being written."""
    try:
        given = await visit.request.post()
    except web.HTTPRequestEntityTooLarge:
        return await _bar(visit, desk.TooLarge("too large"))
    file = given.get("file")
    if not isinstance(file, FileField):
        return await _bar(visit)
    with file.file as opened:
        content = await asyncio.to_thread(opened.read)
    found = type_of(content, file.content_type)
    try:
        blob = await visit.house.keep(content, found)
    except StorageUnavailable:
        return web.Response(status=503)
    picture = found.startswith("image/") and len(content) <= LARGEST_PHOTO
    name = _UNPRINTABLE.sub("_", PurePath(file.filename or "").name)[-120:] or "file"
    attachment = {
        "kind": str(AttachmentKind.IMAGE if picture else AttachmentKind.FILE),
        "id": blob.sha256,
        "name": name,
        "content_type": found,
        "size": blob.size,
    }
    return await _on_draft(visit, drafts.attach, attachment=attachment)


async def detach(visit: Visit) -> web.Response:
    blob = (await visit.form()).get("blob", "")
    return await _on_draft(visit, drafts.detach, blob=blob)


async def offered(visit: Visit) -> web.Response:
    """Canned replies that fit what was typed behind the `/`."""
    conversation, who, typed = number(visit), visit.who, visit.request.query.get("typed", "")
    playbook = visit.house.playbook()
    try:
        found = await visit.house.look(
            lambda transaction: canned.offer(
                transaction, conversation=conversation, who=who, playbook=playbook, typed=typed
            )
        )
    except NotFound:
        return gone(visit)
    return visit.page("conversation/offered.html", offered=found)


async def colleagues(visit: Visit) -> web.Response:
    """Who can be called by `@` in a note."""
    staff, typed = visit.who.staff, visit.request.query.get("typed", "").casefold()
    names = await visit.house.look(lambda transaction: mentions.colleagues(transaction, but=staff))
    return visit.page(
        "conversation/colleagues.html", names=[name for name in names if name.casefold().startswith(typed)][:8]
    )


def _seen(given: Mapping[str, str]) -> int | None:
    """Up to where the page showed the thread when the words were begun."""
    seen = given.get("seen", "")
    return int(seen[:18]) if seen.isascii() and seen.isdigit() else None


async def _on_draft(
    visit: Visit, verb: Callable[..., Begun], *, shown: str | None = None, to_customer: bool = True, **arguments: Any
) -> web.Response:
    """Change one's draft, and say what it is now. `shown`: the text in the box."""
    conversation, staff = number(visit), visit.who.staff
    try:
        await visit.house.do(lambda transaction: verb(transaction, conversation=conversation, staff=staff, **arguments))
    except NotFound:
        return gone(visit)
    except Refused as refused:
        return await _bar(visit, refused, shown=shown, to_customer=to_customer)
    return await _bar(visit, shown=shown, to_customer=to_customer)


async def _bar(
    visit: Visit, refused: Refused | None = None, *, shown: str | None = None, to_customer: bool = True
) -> web.Response:
    """What stands below the box: the files, and what the text would be."""
    conversation, staff = number(visit), visit.who.staff

    def look(transaction: Transaction) -> tuple[Thread, Begun]:
        talk = inbox.show(transaction, conversation=conversation, limit=0)
        return talk, drafts.of(transaction, conversation=conversation, staff=staff)

    try:
        talk, begun = await visit.house.look(look)
    except NotFound:
        return gone(visit)
    said = begun.text if shown is None else shown
    return visit.page(
        "conversation/weighed.html",
        thread=talk,
        begun=begun,
        weighed=weigh(visit, talk, said, begun),
        to_customer=to_customer,
        kept=bool(said.strip()) and refused is None,
        refusal=None if refused is None else visit.refusal(refused),
        size=size,
    )


ROUTES = (
    post(f"{TALK}/reply", Right.CONVERSE, reply),
    post(f"{TALK}/note", Right.CONVERSE, note),
    post(f"{TALK}/undo", Right.CONVERSE, undo),
    post(f"{TALK}/draft", Right.CONVERSE, draft),
    post(f"{TALK}/files", Right.CONVERSE, attach, largest=LARGEST_UPLOAD),
    post(f"{TALK}/files/detach", Right.CONVERSE, detach),
    get(f"{TALK}/canned", Right.CONVERSE, offered),
    get(f"{TALK}/colleagues", Right.CONVERSE, colleagues),
)
