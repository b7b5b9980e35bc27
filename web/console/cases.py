"""Cases: their list, one of them laid open, and what people do with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import web

from bot.turn import CaseKind
from desk import approvals, case_links, case_list, case_page, casework, people, promises, proposals, staff
from desk.case_list import Filter, View
from desk.case_page import CaseFile
from desk.casework import FACTS
from desk.refusals import NotFound, Refused, Unusable
from desk.rights import Right
from storage.commits import Transaction
from web.console.case_words import words_of
from web.console.inbox import channel_name
from web.console.page import get, post
from web.console.visit import HOME, Visit

LIST: Final = f"{HOME}/cases"
TIERS: Final = ("key", "ordinary", "small", "not_to_win_back")
MOST_LINES: Final = 200


async def cases(visit: Visit) -> web.Response:
    """`?view=`, filters, `?after=`; of the page that renews itself, the list alone."""
    asked = visit.request.query
    view = View(asked["view"]) if asked.get("view") in list(View) else View.OPEN
    only = _filter(asked)
    soon = timedelta(hours=visit.house.playbook().policy.cases.soon_hours)
    by = visit.who.name

    def look(transaction: Transaction) -> tuple[case_list.Page, Mapping[View, int]]:
        page = case_list.listed(transaction, view=view, by=by, soon=soon, only=only, after=asked.get("after", ""))
        return page, case_list.counts(transaction, by=by, soon=soon)

    try:
        page, counts = await visit.house.look(look)
    except Unusable:
        return web.Response(status=303, headers={"Location": LIST})
    kept = {name: value for name, value in asked.items() if name in _FILTERS and value}
    return visit.page(
        "case/list_rows.html" if "HX-Request" in visit.request.headers else "case/list.html",
        view=view,
        views=tuple(View),
        counts=counts,
        most=case_list.COUNTED,
        page=page,
        only=only,
        this_page=f"{LIST}?{urlencode({'view': view, **kept, 'after': asked.get('after', '')})}",
        onward=f"{LIST}?{urlencode({'view': view, **kept, 'after': page.after})}" if page.after else None,
        kept=urlencode(kept),
        tiers=TIERS,
        words=words_of(visit),
    )


async def show(visit: Visit) -> web.Response:
    return await _page(visit)


async def now(visit: Visit) -> web.Response:
    """How it stands: the path, and by when what has to happen."""
    return await _piece(visit, "case/now.html")


async def timeline(visit: Visit) -> web.Response:
    return await _piece(visit, "case/timeline.html")


async def new(visit: Visit) -> web.Response:
    """`?contact=`, `?conversation=`."""
    return await _new(visit)


async def open_by_hand(visit: Visit) -> web.Response:
    given = await visit.form()
    by = visit.who
    facts = {field: given[field] for field in FACTS if given.get(field, "").strip()}

    def act(transaction: Transaction) -> str:
        return casework.open_case(
            transaction,
            by=by,
            contact=people.find(transaction.connection, _as_found(given.get("contact", ""))),
            subject=given.get("subject", ""),
            kind=CaseKind(given["kind"]) if given.get("kind") in list(CaseKind) else CaseKind.COMPLAINT,
            priority=_whole(given.get("priority", "3")),
            conversation=_whole(given["conversation"]) if given.get("conversation") else None,
            facts=facts,
        )

    try:
        number = await visit.house.do(act)
    except Refused as refused:
        return await _new(visit, given=given, status=422, problem=visit.refusal(refused))
    return _go(number)


def _as_found(typed: str) -> str:
    """A customer as somebody types them, who has seen a customer number, an address or our own number."""
    typed = typed.strip()
    if ":" in typed or typed.isdecimal():
        return typed
    if "@" in typed:
        return f"mailto:{typed.lower()}"
    return f"tel:{typed.replace(' ', '')}" if typed.startswith("+") else f"customer:{typed}"


async def facts(visit: Visit) -> web.Response:
    """What stands empty is taken out; only how to reach them, which is shown masked, stays unless another is given."""
    given = await visit.form()
    told = {field: given[field] for field in FACTS if field in given and (field != "reach" or given[field].strip())}
    return await _do(visit, casework.change_facts, facts=told, subject=given.get("subject"))


async def owner(visit: Visit) -> web.Response:
    return await _do(visit, casework.assign, owner=(await visit.form()).get("owner", ""))


async def priority(visit: Visit) -> web.Response:
    chosen = _whole((await visit.form()).get("priority", ""))
    return await _do(visit, casework.set_priority, priority=chosen, playbook=visit.house.playbook())


async def cause(visit: Visit) -> web.Response:
    chosen = (await visit.form()).get("cause", "")
    return await _do(visit, casework.set_cause, cause=chosen, playbook=visit.house.playbook())


async def judge(visit: Visit) -> web.Response:
    given = await visit.form()
    return await _do(visit, casework.judge, founded=given.get("founded") == "yes", reason=given.get("reason", ""))


async def wait(visit: Visit) -> web.Response:
    return await _do(visit, casework.wait, waiting=(await visit.form()).get("waiting") == "yes")


async def resolve(visit: Visit) -> web.Response:
    given = await visit.form()
    hours = float(visit.house.playbook().policy.times.survey_hours) if given.get("survey") else None
    return await _do(visit, casework.resolve, words=given.get("words", ""), survey_hours=hours)


async def close(visit: Visit) -> web.Response:
    return await _do(visit, casework.close, words=(await visit.form()).get("words", ""))


async def reopen(visit: Visit) -> web.Response:
    return await _do(visit, casework.reopen, words=(await visit.form()).get("words", ""))


async def note(visit: Visit) -> web.Response:
    return await _do(visit, casework.note, text=(await visit.form()).get("text", ""))


async def propose(visit: Visit) -> web.Response:
    return await _do(visit, proposals.propose, **await _grant(visit), words=(await visit.form()).get("words", ""))


async def answer(visit: Visit) -> web.Response:
    return await _do(visit, proposals.take_answer, accepted=(await visit.form()).get("accepted") == "yes")


async def compensate(visit: Visit) -> web.Response:
    given = await visit.form()
    more = {"voucher": given.get("voucher", ""), "order": given.get("order", ""), "promised": given.get("words", "")}
    return await _do(visit, proposals.compensate, **await _grant(visit), **more)


async def take_back(visit: Visit) -> web.Response:
    given = await visit.form()
    number = _whole(given.get("compensation", ""))
    return await _do(visit, proposals.take_back, compensation=number, why=given.get("why", ""))


async def ask(visit: Visit) -> web.Response:
    return await _do(visit, approvals.ask, **await _grant(visit), words=(await visit.form()).get("words", ""))


async def promise(visit: Visit) -> web.Response:
    given = await visit.form()
    book = visit.house.playbook()
    try:
        due = datetime.fromisoformat(given.get("due", "")).replace(tzinfo=book.hours.time_zone)
    except ValueError:
        return await _page(visit, status=422, given=given, problem=visit.say("refused.NoSuchDay"))
    return await _do(visit, promises.make, text=given.get("text", ""), due=due, playbook=book)


async def kept(visit: Visit) -> web.Response:
    return await _do(visit, promises.keep_one, promise=(await visit.form()).get("promise", ""))


async def merge(visit: Visit) -> web.Response:
    return await _do(visit, case_links.merge, other=(await visit.form()).get("other", "").strip().upper())


async def split(visit: Visit) -> web.Response:
    form = await visit.request.post()
    lines = [int(line[:18]) for line in form.getall("line", []) if isinstance(line, str) and line.isdecimal()]
    subject = (await visit.form()).get("subject", "")
    return await _do(visit, case_links.split, subject=subject, lines=lines[:MOST_LINES])


async def unlink(visit: Visit) -> web.Response:
    return await _decide(visit, case_links.undo, link=_number(visit))


async def grant(visit: Visit) -> web.Response:
    given = await visit.form()
    more = {"reason": given.get("reason", ""), "amount": given.get("amount"), "playbook": visit.house.playbook()}
    return await _decide(visit, approvals.grant, approval=_number(visit), **more)


async def refuse(visit: Visit) -> web.Response:
    return await _decide(
        visit, approvals.refuse, approval=_number(visit), reason=(await visit.form()).get("reason", "")
    )


async def withdraw(visit: Visit) -> web.Response:
    return await _decide(visit, approvals.withdraw, approval=_number(visit))


async def reach(visit: Visit) -> web.Response:
    """How to reach them, in full, for this once; the log keeps who looked."""
    number, by = visit.request.match_info["id"], visit.who
    try:
        words = await visit.house.do(lambda transaction: casework.reveal_reach(transaction, case=number, by=by))
    except NotFound:
        return _gone(visit)
    return visit.page("case/reach.html", reach=words)


async def side(visit: Visit) -> web.Response:
    """The customer's cases, beside a conversation."""
    return await _side(visit)


async def _side(visit: Visit, *, status: int = 200, problem: str | None = None) -> web.Response:
    number = _number(visit)
    try:
        beside = await visit.house.look(lambda transaction: case_page.beside(transaction, conversation=number))
    except NotFound:
        return _gone(visit)
    return visit.page(
        "case/side.html", status=status, problem=problem, beside=beside, conversation=number, words=words_of(visit)
    )


async def attach(visit: Visit) -> web.Response:
    return await _attach(visit, attached=True)


async def detach(visit: Visit) -> web.Response:
    return await _attach(visit, attached=False)


async def _attach(visit: Visit, *, attached: bool) -> web.Response:
    number, by, given = _number(visit), visit.who, await visit.form()
    case = given.get("case", "")

    def act(transaction: Transaction) -> None:
        case_links.attach(transaction, case=case, conversation=number, by=by, attached=attached)

    try:
        await visit.house.do(act)
    except NotFound:
        return _gone(visit)
    except Refused as refused:
        if "HX-Request" in visit.request.headers:
            return await _side(visit, status=409, problem=visit.refusal(refused))
        return visit.page("refused.html", status=409, reason=visit.refusal(refused))
    if "HX-Request" in visit.request.headers:
        return await side(visit)
    return web.Response(status=303, headers={"Location": f"{HOME}/conversations/{number}"})


async def _grant(visit: Visit) -> dict[str, Any]:
    given = await visit.form()
    return {"kind": given.get("kind", ""), "amount": given.get("amount"), "playbook": visit.house.playbook()}


async def _do(visit: Visit, verb: Callable[..., Any], **arguments: Any) -> web.Response:
    """Carry a verb out, and show what became of it; what was written is not lost with a refusal."""
    number, by = visit.request.match_info["id"], visit.who

    def act(transaction: Transaction) -> object:
        return verb(transaction, case=number, by=by, **arguments)

    try:
        await visit.house.do(act)
    except NotFound as refused:
        return await _page(visit, status=404, problem=visit.refusal(refused))
    except Refused as refused:
        return await _page(visit, status=409, given=await visit.form(), problem=visit.refusal(refused))
    return _go(number)


async def _decide(visit: Visit, verb: Callable[..., str], **arguments: Any) -> web.Response:
    """Likewise, where the form knows something other than the case's number; the verb tells it."""
    by = visit.who

    def act(transaction: Transaction) -> str:
        return verb(transaction, by=by, **arguments)

    try:
        number = await visit.house.do(act)
    except NotFound:
        return _gone(visit)
    except Refused as refused:
        return visit.page("refused.html", status=409, reason=visit.refusal(refused))
    return _go(number)


async def _page(visit: Visit, *, status: int = 200, problem: str | None = None, **more: Any) -> web.Response:
    file = await _file(visit)
    if file is None:
        return _gone(visit)
    people_here = await visit.house.look(staff.colleagues)
    return visit.page(
        "case/page.html",
        status=status,
        file=file,
        problem=problem,
        given=more.get("given", {}),
        owners=[one.name for one in people_here if one.left_at is None and {"agent", "supervisor"} & set(one.roles)],
        offers=casework.WISHES,
        writable=case_page.writable_facts(file.facts),
        words=words_of(visit),
        private=Right.SEE_PRIVATE in visit.who.rights,
        channel=partial(channel_name, visit),
    )


async def _piece(visit: Visit, template: str) -> web.Response:
    file = await _file(visit)
    return _gone(visit) if file is None else visit.page(template, file=file, words=words_of(visit))


async def _file(visit: Visit) -> CaseFile | None:
    number, by, playbook = visit.request.match_info["id"], visit.who, visit.house.playbook()
    try:
        return await visit.house.look(
            lambda transaction: case_page.show(transaction, case=number, by=by, playbook=playbook)
        )
    except NotFound:
        return None


async def _new(visit: Visit, *, status: int = 200, problem: str | None = None, **more: Any) -> web.Response:
    asked = visit.request.query
    given = more.get("given") or {name: asked.get(name, "") for name in ("contact", "conversation")}
    return visit.page(
        "case/new.html",
        status=status,
        problem=problem,
        given=given,
        kinds=tuple(CaseKind),
        fields=FACTS,
        wishes=casework.WISHES,
        words=words_of(visit),
    )


_FILTERS: Final = ("kind", "category", "owner", "tier", "priority")


def _filter(asked: Mapping[str, str]) -> Filter:
    chosen = asked.get("priority", "")
    return Filter(
        kind=asked.get("kind", "") if asked.get("kind") in list(CaseKind) else "",
        category=asked.get("category", "")[:100].replace("\0", ""),
        owner=asked.get("owner", "")[:64].replace("\0", ""),
        tier=asked.get("tier", "") if asked.get("tier") in TIERS else "",
        priority=int(chosen) if chosen in ("1", "2", "3", "4") else None,
    )


def _whole(words: str) -> int:
    """A number that a form sends; what is none is nothing that there is."""
    return int(words[:18]) if words.isascii() and words.isdecimal() else 0


def _number(visit: Visit) -> int:
    return int(visit.request.match_info["id"][:18])


def _go(number: str) -> web.Response:
    return web.Response(status=303, headers={"Location": f"{LIST}/{number}"})


def _gone(visit: Visit) -> web.Response:
    return visit.page("refused.html", status=404, reason=visit.say("case.not_there"))


CASE: Final = "/console/cases/{id:[A-Za-z0-9-]{1,24}}"
TALK: Final = "/console/conversations/{id:[0-9]+}/cases"
APPROVAL: Final = "/console/approvals/{id:[0-9]+}"

ROUTES = (
    get("/console/cases", Right.CONVERSE, cases),
    post("/console/cases", Right.CONVERSE, open_by_hand),
    get("/console/cases/new", Right.CONVERSE, new),
    get(CASE, Right.CONVERSE, show),
    get(f"{CASE}/now", Right.CONVERSE, now),
    get(f"{CASE}/timeline", Right.CONVERSE, timeline),
    post(f"{CASE}/facts", Right.CONVERSE, facts),
    post(f"{CASE}/owner", Right.CONVERSE, owner),
    post(f"{CASE}/priority", Right.CONVERSE, priority),
    post(f"{CASE}/cause", Right.CONVERSE, cause),
    post(f"{CASE}/judge", Right.CONVERSE, judge),
    post(f"{CASE}/wait", Right.CONVERSE, wait),
    post(f"{CASE}/resolve", Right.CONVERSE, resolve),
    post(f"{CASE}/close", Right.CONVERSE, close),
    post(f"{CASE}/reopen", Right.CONVERSE, reopen),
    post(f"{CASE}/note", Right.CONVERSE, note),
    post(f"{CASE}/propose", Right.CONVERSE, propose),
    post(f"{CASE}/answer", Right.CONVERSE, answer),
    post(f"{CASE}/compensate", Right.CONVERSE, compensate),
    post(f"{CASE}/take-back", Right.CONVERSE, take_back),
    post(f"{CASE}/ask", Right.CONVERSE, ask),
    post(f"{CASE}/promise", Right.CONVERSE, promise),
    post(f"{CASE}/kept", Right.CONVERSE, kept),
    post(f"{CASE}/merge", Right.CONVERSE, merge),
    post(f"{CASE}/split", Right.CONVERSE, split),
    post(f"{CASE}/reach", Right.SEE_PRIVATE, reach),
    post("/console/case-links/{id:[0-9]+}/undo", Right.CONVERSE, unlink),
    post(f"{APPROVAL}/grant", Right.DIRECT, grant),
    post(f"{APPROVAL}/refuse", Right.DIRECT, refuse),
    post(f"{APPROVAL}/withdraw", Right.CONVERSE, withdraw),
    get(TALK, Right.CONVERSE, side),
    post(f"{TALK}/attach", Right.CONVERSE, attach),
    post(f"{TALK}/detach", Right.CONVERSE, detach),
)
