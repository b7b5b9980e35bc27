"""Contacts: the customer, beside a conversation and on a page of their own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

from aiohttp import web

from desk import cards, consents, history, people, same_person, spam
from desk.cards import LANGUAGES, TIERS, Card
from desk.history import Kind, Page
from desk.refusals import Impossible, NotFound, Refused, Unusable
from desk.rights import Right
from storage.commits import Transaction
from storage.interactions import OFFLINE, InteractionKind
from storage.privacy import PrivacyKind
from web.console.inbox import channel_name
from web.console.lines import Words
from web.console.page import get, post
from web.console.visit import HOME, Visit

R = TypeVar("R")

BESIDE: Final = 25
"""Lines of each history, where two are compared."""


class LinkImpossible(Impossible):
    """These two cannot be made one now."""


async def show(visit: Visit) -> web.Response:
    """Everything about a person; who was merged is shown as the one they are part of."""
    return await _page(visit)


async def lines(visit: Visit) -> web.Response:
    """A page of the history: `?kind=`, one or several of `desk.history.Kind`; `?before=`, where it begins."""
    number = _number(visit)
    try:
        page = await visit.house.look(lambda transaction: _history(visit, transaction, number))
    except Refused:
        return _gone(visit)
    return visit.page("contact/lines.html", page=page, contact=number, wanted=_wanted(visit), **_words(visit))


async def side(visit: Visit) -> web.Response:
    """What an agent wants to see of the customer while answering."""
    number = _number(visit)
    try:
        known = await visit.house.look(lambda transaction: cards.card(transaction, contact=str(number)))
    except NotFound:
        return _gone(visit)
    return visit.page("contact/side.html", card=known, private=False, **_words(visit))


async def private(visit: Visit) -> web.Response:
    """Numbers and mail addresses in full, for this once; the log keeps who looked."""
    number, present = _number(visit), visit.who
    try:
        known = await visit.house.do(
            lambda transaction: cards.reveal(transaction, contact=str(number), present=present)
        )
    except Refused:
        return _gone(visit)
    return visit.page("contact/addresses.html", card=known, private=True, **_words(visit))


async def change(visit: Visit) -> web.Response:
    given = await visit.form()
    fields = {name: given[name] for name in ("name", "language", "time_zone", "tier", "external_id") if name in given}
    return await _do(visit, cards.edit, changes=fields, staff=visit.who.staff)


async def record(visit: Visit) -> web.Response:
    """A call, a visit: `at`, in the business's time, where it was not just now."""
    given = await visit.form()
    try:
        kind, at = InteractionKind(given.get("kind", "")), _instant(visit, given.get("at", ""))
    except ValueError:
        return await _page(visit, status=422, problem=visit.refusal(Unusable("")))
    return await _do(visit, people.record, kind=kind, text=given.get("text", ""), at=at)


async def note(visit: Visit) -> web.Response:
    return await _do(visit, people.note, text=(await visit.form()).get("text", ""))


async def consent(visit: Visit) -> web.Response:
    given = await visit.form()
    address = given.get("address", "")[:18]
    return await _do(
        visit,
        consents.record,
        address=int(address) if address.isdecimal() else 0,
        granted=given.get("granted") == "yes",
        words=given.get("words", ""),
        source=given.get("source", ""),
        staff=visit.who.staff,
    )


async def same(visit: Visit) -> web.Response:
    """Who may be the same person."""
    number = _number(visit)
    try:
        found = await visit.house.look(lambda transaction: same_person.suggestions(transaction, contact=str(number)))
    except NotFound:
        return _gone(visit)
    return visit.page("contact/same.html", contact=number, found=found)


async def compare(visit: Visit) -> web.Response:
    """Both side by side, before somebody makes them one: `?other=`, as `people.find` takes it."""
    return await _compare(visit, visit.request.query.get("other", ""))


async def link(visit: Visit) -> web.Response:
    given, number = await visit.form(), _number(visit)
    other, evidence, by = given.get("other", ""), given.get("evidence", ""), visit.who.name

    def act(transaction: Transaction) -> int:
        return people.link(transaction, contact=str(number), other=other, evidence=evidence, by=by).contact

    try:
        stays = await visit.house.do(act)
    except NotFound:
        return await _compare(visit, other)
    except Refused as refused:
        problem = visit.refusal(LinkImpossible("") if isinstance(refused, Impossible) else refused)
        return await _compare(visit, other, status=422, problem=problem)
    return _to(stays)


async def unlink(visit: Visit) -> web.Response:
    given, by = await visit.form(), visit.who.name
    number, link_id = _number(visit), given.get("link", "")[:18]

    def act(transaction: Transaction) -> object:
        known = cards.card(transaction, contact=str(number))
        if not any(str(one.id) == link_id for one in known.links):
            raise NotFound("this contact has no such link")
        return people.unlink(transaction, link=int(link_id), by=by)

    try:
        await visit.house.do(act)
    except NotFound:
        return _gone(visit)
    except Refused:
        return await _page(visit, status=422, problem=visit.refusal(LinkImpossible("")))
    return _to(number)


async def code(visit: Visit) -> web.Response:
    """A code to be shown on another channel within a day: whoever shows it there is this person."""
    number = _number(visit)
    try:
        given = await visit.house.do(lambda transaction: people.link_code(transaction, contact=str(number)))
    except NotFound:
        return _gone(visit)
    except Refused as refused:
        return await _page(visit, status=422, problem=visit.refusal(refused))
    return await _page(visit, code=given)


async def block(visit: Visit) -> web.Response:
    return await _do(visit, spam.block, reason=(await visit.form()).get("reason", ""), staff=visit.who.staff)


async def unblock(visit: Visit) -> web.Response:
    return await _do(visit, spam.unblock, staff=visit.who.staff)


async def _do(visit: Visit, verb: Callable[..., object], **arguments: Any) -> web.Response:
    number, by = _number(visit), visit.who.name

    def act(transaction: Transaction) -> object:
        return verb(transaction, contact=str(number), by=by, **arguments)

    try:
        await visit.house.do(act)
    except NotFound:
        return _gone(visit)
    except Refused as refused:
        return await _page(visit, status=422, problem=visit.refusal(refused))
    return _to(number)


async def _page(visit: Visit, *, status: int = 200, **facts: Any) -> web.Response:
    number = _number(visit)

    def look(transaction: Transaction) -> tuple[Card, Page, list[Any]]:
        known = cards.card(transaction, contact=str(number))
        page = _history(visit, transaction, known.id)
        return known, page, history.conversations_of(transaction, contact=known.id)

    try:
        known, page, talks = await visit.house.look(look)
    except Refused:
        return _gone(visit)
    if known.id != number:
        return _to(known.id)
    return visit.page(
        "contact/page.html",
        status=status,
        card=known,
        page=page,
        talks=talks,
        contact=known.id,
        wanted=_wanted(visit),
        problem=facts.get("problem"),
        code=facts.get("code"),
        private=False,
        offline=OFFLINE,
        tiers=TIERS,
        kinds=tuple(Kind),
        contact_languages=LANGUAGES,
        privacy_kinds=tuple(PrivacyKind),
        **_words(visit),
    )


async def _compare(visit: Visit, other: str, *, status: int = 200, problem: str | None = None) -> web.Response:
    number = _number(visit)

    def one(transaction: Transaction, named: str) -> tuple[Card, Page]:
        known = cards.card(transaction, contact=named)
        return known, history.history(transaction, contact=known.id, limit=BESIDE)

    try:
        ours = await visit.house.look(lambda transaction: one(transaction, str(number)))
    except NotFound:
        return _gone(visit)
    try:
        theirs = await visit.house.look(lambda transaction: one(transaction, other))
    except NotFound:
        return await _page(visit, status=404, problem=visit.say("contact.nobody_found"))
    if theirs[0].id == ours[0].id:
        return await _page(visit, status=422, problem=visit.say("contact.same_already"))
    found = await visit.house.look(lambda transaction: same_person.suggestions(transaction, contact=str(number)))
    why = next((each for each in found if each.contact == theirs[0].id), None)
    return visit.page(
        "contact/compare.html",
        status=status,
        sides=(ours, theirs),
        contact=number,
        other=theirs[0].id,
        why=why,
        problem=problem,
        private=False,
        **_words(visit),
    )


def _history(visit: Visit, transaction: Transaction, contact: int) -> Page:
    wanted = _wanted(visit)
    kinds = frozenset(wanted) if wanted else frozenset(Kind)
    return history.history(transaction, contact=contact, kinds=kinds, before=visit.request.query.get("before"))


def _wanted(visit: Visit) -> list[Kind]:
    known = {kind.value for kind in Kind}
    return [Kind(kind) for kind in visit.request.query.getall("kind", []) if kind in known]


def _words(visit: Visit) -> dict[str, Any]:
    return {
        "zone": _zone(visit),
        "now": visit.house.now(),
        "may_see": Right.SEE_PRIVATE in visit.who.rights,
        "channel": partial(channel_name, visit),
        "happened": Words(visit, customer=None).happened,
        "told_by": partial(_told_by, visit),
    }


def _told_by(visit: Visit, source: str) -> str:
    """Where a consent comes from, as `storage.consents` keeps it, in words."""
    kind, _, name = source.partition(":")
    match kind:
        case "message":
            return visit.say("contact.source_message")
        case "import":
            return visit.say("contact.source_import", name=name)
        case "provider":
            return visit.say("contact.source_provider")
        case "agent":
            return name
        case _:
            return source


def _zone(visit: Visit) -> ZoneInfo:
    return visit.house.playbook().hours.time_zone


def _instant(visit: Visit, given: str) -> datetime | None:
    """What a `datetime-local` field holds is the business's own time. Raises ValueError."""
    return datetime.fromisoformat(given).replace(tzinfo=_zone(visit)) if given else None


def _number(visit: Visit) -> int:
    return int(visit.request.match_info["id"][:18])


def _to(contact: int) -> web.Response:
    return web.Response(status=303, headers={"Location": f"{HOME}/contacts/{contact}"})


def _gone(visit: Visit) -> web.Response:
    return visit.page("refused.html", status=404, reason=visit.say("contact.not_there"))


CONTACT: Final = "/console/contacts/{id:[0-9]+}"

ROUTES = (
    get(CONTACT, Right.CONVERSE, show),
    get(f"{CONTACT}/lines", Right.CONVERSE, lines),
    get(f"{CONTACT}/side", Right.CONVERSE, side),
    post(f"{CONTACT}/private", Right.SEE_PRIVATE, private),
    post(f"{CONTACT}/profile", Right.CONVERSE, change),
    post(f"{CONTACT}/record", Right.CONVERSE, record),
    post(f"{CONTACT}/note", Right.CONVERSE, note),
    post(f"{CONTACT}/consent", Right.CONVERSE, consent),
    get(f"{CONTACT}/same", Right.CONVERSE, same),
    get(f"{CONTACT}/link", Right.CONVERSE, compare),
    post(f"{CONTACT}/link", Right.CONVERSE, link),
    post(f"{CONTACT}/unlink", Right.CONVERSE, unlink),
    post(f"{CONTACT}/code", Right.CONVERSE, code),
    post(f"{CONTACT}/block", Right.CONVERSE, block),
    post(f"{CONTACT}/unblock", Right.CONVERSE, unblock),
)
