"""Learning: what the assistant should have understood, and what of people's answers it should know."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from aiohttp import web
from multidict import MultiMapping

from bot.authority import TIERS
from desk import knowledge, reviewing
from desk.knowledge import Wording
from desk.refusals import NotFound, Refused
from desk.reviewing import NearlyContradicts, Waiting
from desk.rights import Right
from nlu.understanding import Language
from storage.commits import Transaction
from storage.knowledge_entries import EntryState
from web.console import texts
from web.console.page import get, post
from web.console.visit import HOME, Visit

LEARNING, KNOWLEDGE = f"{HOME}/learning", f"{HOME}/knowledge"
MOST: Final = 30
"""Messages on one page: who reviews reads each of them."""


async def waiting(visit: Visit) -> web.Response:
    """What waits, the oldest first; `?after=` a message's number."""
    return await _list(visit)


async def decide(visit: Visit) -> web.Response:
    """Accept or discard: one, whose button was pressed, or all that were ticked."""
    form, by = await visit.request.post(), visit.who.name
    accepts, chosen = _pressed(form)
    problems: dict[int, str] = {}
    unsure: set[int] = set()
    done = 0
    for number in chosen:
        try:
            if accepts:
                await visit.house.teaching.teach(
                    interaction=number,
                    intent=_field(form, f"intent-{number}"),
                    by=by,
                    text=_field(form, f"text-{number}").strip() or None,
                    anyway=str(number) in form.getall("anyway", []),
                )
            else:
                await visit.house.do(_discarding(number, by))
            done += 1
        except NearlyContradicts as refused:
            problems[number] = visit.refusal(refused)
            unsure.add(number)
        except Refused as refused:
            problems[number] = visit.refusal(refused)
    if problems:
        return await _list(visit, status=409, problems=problems, unsure=unsure, done=done)
    return web.Response(status=303, headers={"Location": LEARNING})


async def line(visit: Visit) -> web.Response:
    """One message, to say what it meant."""
    return await _line(visit)


async def correct(visit: Visit) -> web.Response:
    number, intent, by = _number(visit), (await visit.form()).get("intent", ""), visit.who.name
    try:
        await visit.house.do(
            lambda transaction: reviewing.correct(transaction, interaction=number, intent=intent, by=by)
        )
    except NotFound:
        return _gone(visit)
    except Refused as refused:
        return await _line(visit, status=409, problem=visit.refusal(refused))
    return await _line(visit, done=visit.say("learning.corrected"))


async def entries(visit: Visit) -> web.Response:
    """`?state=`: those that wait, are in force, or were."""
    given, before = visit.request.query.get("state", ""), visit.request.query.get("before", "")
    state = EntryState(given) if given in {each.value for each in EntryState} else None

    def found(transaction: Transaction) -> tuple[EntryState, Sequence[knowledge.Version], Mapping[EntryState, int]]:
        counts = knowledge.counts(transaction)
        shown = state or (EntryState.PROPOSED if counts[EntryState.PROPOSED] else EntryState.IN_FORCE)
        number = int(before[:18]) if before.isdigit() else None
        return shown, knowledge.listing(transaction, state=shown, before=number), counts

    shown, listed, counts = await visit.house.look(found)
    return visit.page("learning/entries.html", state=shown, listed=listed, counts=counts)


async def new(visit: Visit) -> web.Response:
    """`?from=` an agent's answer: with what it says, and what was asked before it."""
    given = visit.request.query.get("from", "")
    if not given.isdigit():
        return _form(visit, {})
    number = int(given[:18])
    try:
        draft = await visit.house.look(lambda transaction: knowledge.draft_of(transaction, interaction=number))
    except NotFound:
        return _gone(visit)
    except Refused as refused:
        return visit.page("refused.html", status=409, reason=visit.refusal(refused))
    wording = Wording(question=draft.question, answer=draft.answer)
    return _form(visit, {draft.language: wording}, interaction=number, draft=draft)


async def propose(visit: Visit) -> web.Response:
    form, present = await visit.request.post(), visit.who
    given, tiers, interaction = _texts(form), _tiers(form), _field(form, "interaction")
    number, name = int(interaction[:18]) if interaction.isdigit() else None, _field(form, "name") or None
    try:
        entry = await visit.house.do(
            lambda transaction: knowledge.propose(
                transaction, by=present, texts=given, tiers=tiers, interaction=number, name=name
            )
        )
    except NotFound:
        return _gone(visit)
    except Refused as refused:
        problem = visit.refusal(refused)
        return _form(visit, given, status=422, interaction=number, name=name, tiers=tiers, problem=problem)
    return web.Response(status=303, headers={"Location": f"{KNOWLEDGE}/{entry}"})


async def entry(visit: Visit) -> web.Response:
    return await _entry(visit)


async def edit(visit: Visit) -> web.Response:
    form, present, number = await visit.request.post(), visit.who, _number(visit)
    given, tiers = _texts(form), _tiers(form)
    return await _do(
        visit,
        lambda transaction: knowledge.edit(transaction, by=present, entry=number, texts=given, tiers=tiers),
        given=given,
    )


async def approve(visit: Visit) -> web.Response:
    present, number = visit.who, _number(visit)
    return await _do(visit, lambda transaction: knowledge.approve(transaction, by=present, entry=number))


async def refuse(visit: Visit) -> web.Response:
    present, number, reason = visit.who, _number(visit), (await visit.form()).get("reason", "")
    return await _do(visit, lambda transaction: knowledge.refuse(transaction, by=present, entry=number, reason=reason))


async def withdraw(visit: Visit) -> web.Response:
    present, number, reason = visit.who, _number(visit), (await visit.form()).get("reason", "")
    return await _do(
        visit, lambda transaction: knowledge.withdraw(transaction, by=present, entry=number, reason=reason)
    )


def _discarding(number: int, by: str) -> Callable[[Transaction], object]:
    return lambda transaction: reviewing.discard(transaction, interaction=number, by=by)


def _pressed(form: MultiMapping[Any]) -> tuple[bool, list[int]]:
    """Whether to accept, and which."""
    for name in ("accept", "discard"):
        if (one := _field(form, name)).isdigit():
            return name == "accept", [int(one[:18])]
    ticked = [one for one in form.getall("chosen", []) if isinstance(one, str) and one.isdigit()]
    return _field(form, "all") == "accept", [int(one[:18]) for one in ticked][:MOST]


def _field(form: MultiMapping[Any], name: str) -> str:
    value = form.get(name, "")
    return value if isinstance(value, str) else ""


async def _list(visit: Visit, *, status: int = 200, **facts: Any) -> web.Response:
    given = visit.request.query.get("after", "")
    after = int(given[:18]) if given.isdigit() else 0

    def found(transaction: Transaction) -> Waiting:
        return reviewing.waiting(transaction, limit=MOST, after=after)

    intents, problem = await _intents(visit)
    return visit.page(
        "learning/page.html",
        status=status,
        found=await visit.house.look(found),
        intents=intents,
        intent=_intent_words(visit),
        problem=problem,
        problems=facts.get("problems", {}),
        unsure=facts.get("unsure", set()),
        done=facts.get("done", 0),
        most=MOST,
        directs=Right.DIRECT in visit.who.rights,
    )


async def _intents(visit: Visit) -> tuple[Sequence[str], str | None]:
    try:
        names = await visit.house.teaching.intents()
    except Refused as refused:
        return (), visit.refusal(refused)
    words = _intent_words(visit)
    return sorted(names, key=words), None


def _intent_words(visit: Visit) -> Callable[[str], str]:
    """An intent as people call it; one that the business made itself by its own name."""
    known = texts.words(visit.language)
    return lambda name: known.get(f"understood.intent_{name}", name.replace("_", " "))


async def _line(visit: Visit, *, status: int = 200, **facts: Any) -> web.Response:
    number = _number(visit)

    def found(transaction: Transaction) -> reviewing.Told:
        return reviewing.told(transaction, interaction=number)

    try:
        told = await visit.house.look(found)
    except NotFound:
        return _gone(visit)
    intents, problem = await _intents(visit)
    return visit.page(
        "learning/line.html",
        status=status,
        told=told,
        intents=intents,
        intent=_intent_words(visit),
        problem=facts.get("problem") or problem,
        done=facts.get("done"),
    )


def _form(visit: Visit, given: Mapping[str, Wording], *, status: int = 200, **facts: Any) -> web.Response:
    return visit.page(
        "learning/new.html",
        status=status,
        given=given,
        fields=tuple(Language),
        all_tiers=TIERS,
        tiers=facts.get("tiers", ()),
        interaction=facts.get("interaction"),
        name=facts.get("name"),
        draft=facts.get("draft"),
        problem=facts.get("problem"),
    )


async def _entry(visit: Visit, *, status: int = 200, **facts: Any) -> web.Response:
    number = _number(visit)

    def found(transaction: Transaction) -> tuple[knowledge.Version, Sequence[knowledge.Version]]:
        version = knowledge.look(transaction, entry=number)
        return version, knowledge.versions(transaction, name=version.name)

    try:
        version, versions = await visit.house.look(found)
    except NotFound:
        return _gone(visit)
    directs = Right.DIRECT in visit.who.rights
    waits = version.state is EntryState.PROPOSED
    return visit.page(
        "learning/entry.html",
        status=status,
        entry=version,
        versions=versions,
        fields=tuple(Language),
        given=facts.get("given") or version.texts,
        all_tiers=TIERS,
        tiers=version.tiers,
        directs=directs,
        edits=waits and (directs or version.proposed_by == visit.who.name),
        renews=not any(one.state is EntryState.PROPOSED for one in versions),
        problem=facts.get("problem"),
        zone=visit.house.playbook().hours.time_zone,
    )


async def _do(visit: Visit, verb: Callable[[Transaction], object], **facts: Any) -> web.Response:
    try:
        await visit.house.do(verb)
    except NotFound:
        return _gone(visit)
    except Refused as refused:
        return await _entry(visit, status=409, problem=visit.refusal(refused), **facts)
    return web.Response(status=303, headers={"Location": f"{KNOWLEDGE}/{_number(visit)}"})


def _texts(form: MultiMapping[Any]) -> dict[str, Wording]:
    return {
        language.value: Wording(
            question=_field(form, f"question-{language}"),
            also=tuple(_field(form, f"also-{language}").splitlines()),
            answer=_field(form, f"answer-{language}"),
            short=_field(form, f"short-{language}"),
        )
        for language in Language
    }


def _tiers(form: MultiMapping[Any]) -> list[str]:
    return [tier for tier in form.getall("tiers", []) if isinstance(tier, str)]


def _number(visit: Visit) -> int:
    return int(visit.request.match_info["id"][:18])


def _gone(visit: Visit) -> web.Response:
    return visit.page("refused.html", status=404, reason=visit.say("learning.not_there"))


ENTRY: Final = "/console/knowledge/{id:[0-9]+}"

ROUTES = (
    get("/console/learning", Right.TEACH, waiting),
    post("/console/learning", Right.TEACH, decide),
    get("/console/learning/lines/{id:[0-9]+}", Right.TEACH, line),
    post("/console/learning/lines/{id:[0-9]+}", Right.TEACH, correct),
    get("/console/knowledge", Right.TEACH, entries),
    post("/console/knowledge", Right.TEACH, propose),
    get("/console/knowledge/new", Right.TEACH, new),
    get(ENTRY, Right.TEACH, entry),
    post(f"{ENTRY}/edit", Right.TEACH, edit),
    post(f"{ENTRY}/approve", Right.DIRECT, approve),
    post(f"{ENTRY}/refuse", Right.DIRECT, refuse),
    post(f"{ENTRY}/withdraw", Right.DIRECT, withdraw),
)
