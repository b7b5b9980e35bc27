"""One conversation: its thread, and who has it."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from bot.playbook import Playbook
from desk import conversations as desk
from desk import drafts, inbox, mentions, reopening, summaries, thread, writing
from desk.drafts import Begun
from desk.inbox import Thread
from desk.reasons import in_words
from desk.refusals import NotFound, Refused, Stale, Unusable
from desk.rights import Right
from desk.thread import Stretch
from nlu.understanding import Language
from storage.commits import Transaction
from web.console.inbox import channel_name
from web.console.lines import Words, size
from web.console.page import get, post
from web.console.visit import HOME, Visit
from web.console.weighing import Weighed, weighed


@dataclass(frozen=True, kw_only=True, slots=True)
class Talk:
    """A Conversation, as its page shows it."""

    thread: Thread
    stretch: Stretch
    begun: Begun
    summary: str | None
    """What the assistant wrote for whoever takes over, in the reader's language."""
    called: bool
    """Somebody called the reader by name here, and they have not looked yet."""


async def show(visit: Visit) -> web.Response:
    return await page(visit)


async def lines(visit: Visit) -> web.Response:
    """The thread alone: `?since=`, from that line on, as it stands now; `?before=`, the lines before that one."""
    conversation, before, since = number(visit), _place(visit, "before"), _place(visit, "since")
    try:
        # Fetched whenever somebody writes, it is a few queries, which no thread need be woken for.
        stretch = await visit.house.glance(
            lambda transaction: thread.stretch(transaction, conversation=conversation, before=before, since=since)
        )
    except NotFound:
        return gone(visit)
    template = "conversation/thread.html" if before is None else "conversation/earlier.html"
    return visit.page(template, stretch=stretch, words=Words(visit, customer=stretch.name))


async def take(visit: Visit) -> web.Response:
    given = await visit.form()
    colleague = bool(given.get("from_colleague")) and Right.DIRECT in visit.who.rights
    return await do(visit, desk.take, from_colleague=colleague)


async def handback(visit: Visit) -> web.Response:
    conversation, who, text = number(visit), visit.who, (await visit.form()).get("text", "")
    return await act(
        visit,
        lambda transaction: writing.hand_back(transaction, conversation=conversation, who=who, text=text),
        draft=text,
    )


async def resolve(visit: Visit) -> web.Response:
    return await do(visit, desk.resolve)


async def reopen(visit: Visit) -> web.Response:
    return await do(visit, reopening.reopen)


async def box(visit: Visit) -> web.Response:
    """What can be written here; nothing, where it is what the page shows already: asked whenever somebody writes."""
    conversation = number(visit)
    try:
        shown = await visit.house.glance(
            lambda transaction: inbox.show(transaction, conversation=conversation, limit=0)
        )
        if visit.request.query.get("standing") == standing(shown):
            return web.Response(status=204)
        talk = await _talk(visit)
    except NotFound:
        return gone(visit)
    return visit.page("conversation/reply.html", **facts(visit, talk))


async def do(visit: Visit, verb: Callable[..., Any], **arguments: Any) -> web.Response:
    """Carry out what an agent does with a conversation."""
    conversation, by = number(visit), visit.who.name
    return await act(visit, lambda transaction: verb(transaction, conversation=conversation, by=by, **arguments))


async def act(
    visit: Visit, verb: Callable[[Transaction], object], *, draft: str | None = None, seen: int | None = None
) -> web.Response:
    """Do it, and show what became of it; what was written (`draft`, knowing the thread up to `seen`) is not lost with a
    refusal."""
    try:
        await visit.house.do(verb)
    except NotFound:
        return gone(visit)
    except Refused as refused:
        unseen = refused.unseen if isinstance(refused, Stale) else ()
        if draft is not None:
            await _keep(visit, draft, seen, unseen[-1].id if unseen else None)
        return await page(visit, status=409, problem=visit.refusal(refused), unseen=unseen, draft=draft)
    if _wants_a_piece(visit):
        return await page(visit)
    return web.Response(status=303, headers={"Location": f"{HOME}/conversations/{number(visit)}"})


async def page(visit: Visit, *, status: int = 200, draft: str | None = None, **more: Any) -> web.Response:
    """The whole page, or, where a piece of it asked, the box that is written into."""
    try:
        talk = await _talk(visit, before=_place(visit, "before"), whole=not _wants_a_piece(visit))
    except NotFound:
        return gone(visit)
    if talk.called:
        conversation, staff = number(visit), visit.who.staff
        await visit.house.do(lambda transaction: mentions.look(transaction, conversation=conversation, staff=staff))
    template = "conversation/reply.html" if _wants_a_piece(visit) else "conversation.html"
    return visit.page(template, status=status, **facts(visit, talk, draft=draft, **more))


def facts(visit: Visit, talk: Talk, *, draft: str | None = None, **more: Any) -> dict[str, Any]:
    """What the templates of a conversation ask for."""
    shown = talk.thread
    text = talk.begun.text if draft is None else draft
    seen = talk.begun.seen if talk.begun.seen is not None and not more.get("unseen") else shown.seen
    reason = None if shown.reason is None else in_words(shown.reason, Language(visit.language))
    usual: dict[str, Any] = {
        "thread": shown,
        "stretch": talk.stretch,
        "begun": talk.begun,
        "draft": text,
        "seen": seen,
        "words": Words(visit, customer=shown.name),
        "size": size,
        "channel": channel_name(visit, shown.channel),
        "reason": reason,
        "summary": None if talk.summary is None else _beside(talk.summary, visit.house.playbook()),
        "called": _called(visit, shown),
        "weighed": weigh(visit, shown, text, talk.begun),
        "standing": standing(shown),
        "piece": _wants_a_piece(visit),
        "problem": None,
        "unseen": (),
        "private": Right.SEE_PRIVATE in visit.who.rights,
    }
    return usual | more


def _beside(summary: str, playbook: Playbook) -> str:
    """Without the line that says who it is: that stands beside it already, in the reader's words."""
    first, _, rest = summary.partition("\n")
    shapes = (texts["summary.who"][0].pieces for texts in playbook.texts.values())
    told = any(
        re.fullmatch("".join(".*" if i % 2 else re.escape(piece) for i, piece in enumerate(pieces)), first)
        for pieces in shapes
    )
    return rest if told else summary


def _called(visit: Visit, shown: Thread) -> str:
    """What the customer is called, as the inbox calls them."""
    if shown.name:
        return shown.name
    scheme, _, path = shown.address.partition(":")
    return visit.say("inbox.visitor", code=path[:4]) if scheme == "webchat" else visit.say("inbox.nameless")


def weigh(visit: Visit, shown: Thread, text: str, begun: Begun) -> Weighed:
    return weighed(
        text,
        files=begun.attachments,
        channel=visit.house.channel(shown.channel),
        address=shown.address,
        name=shown.name,
        language=shown.language,
        by=visit.who.name,
        playbook=visit.house.playbook(),
    )


def standing(shown: Thread) -> str:
    """What decides what can be written."""
    return f"{shown.state} {shown.owner} {shown.agent or ''}"


def number(visit: Visit) -> int:
    # No id has more digits; and what is far greater is none that a database knows.
    return int(visit.request.match_info["id"][:18])


def gone(visit: Visit) -> web.Response:
    return visit.page("refused.html", status=404, reason=visit.say("conversation.not_there"))


async def _talk(visit: Visit, *, before: int | None = None, whole: bool = False) -> Talk:
    conversation, staff = number(visit), visit.who.staff
    language, playbook = visit.language, visit.house.playbook()

    def look(transaction: Transaction) -> Talk:
        return Talk(
            thread=inbox.show(transaction, conversation=conversation, limit=0),
            stretch=thread.stretch(transaction, conversation=conversation, before=before),
            begun=drafts.of(transaction, conversation=conversation, staff=staff),
            summary=summaries.summary(transaction, conversation=conversation, language=language, playbook=playbook)
            if whole
            else None,
            called=mentions.waits(transaction, conversation=conversation, staff=staff),
        )

    return await (visit.house.look if whole else visit.house.glance)(look)


async def _keep(visit: Visit, text: str, seen: int | None, shown: int | None) -> None:
    conversation, staff = number(visit), visit.who.staff
    with suppress(Unusable, NotFound):  # what cannot be kept stands in the answer all the same
        await visit.house.do(
            lambda transaction: drafts.keep_refused(
                transaction, conversation=conversation, staff=staff, text=text, seen=seen, shown=shown
            )
        )


def _wants_a_piece(visit: Visit) -> bool:
    return "HX-Request" in visit.request.headers


def _place(visit: Visit, name: str) -> int | None:
    given = visit.request.query.get(name, "")
    return int(given[:18]) if given.isascii() and given.isdigit() else None


TALK: Final = "/console/conversations/{id:[0-9]+}"

ROUTES = (
    get(f"{TALK}/lines", Right.CONVERSE, lines),
    get(TALK, Right.CONVERSE, show),
    get(f"{TALK}/reply", Right.CONVERSE, box),
    post(f"{TALK}/take", Right.CONVERSE, take),
    post(f"{TALK}/handback", Right.CONVERSE, handback),
    post(f"{TALK}/resolve", Right.CONVERSE, resolve),
    post(f"{TALK}/reopen", Right.CONVERSE, reopen),
)
