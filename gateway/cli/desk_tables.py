"""How the terminal shows what an agent asks to see."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gateway.inbox import PRIORITIES, CaseSummary, Line, Thread, Waiting
from gateway.people import Profile
from storage.interactions import Direction

ARROWS = {Direction.IN: "→", Direction.OUT: "←", Direction.INTERNAL: "·"}
NOT_WELL = ("failed", "skipped", "unknown", "retrying")


def queue_table(waiting: Sequence[Waiting]) -> Table:
    """Who waits for a person."""
    table = Table("No.", "Priority", "Waits", "With", "Reason", "Who", "Tier", "Channel", "Summary")
    for one in waiting:
        table.add_row(
            str(one.conversation),
            PRIORITIES.get(one.priority, str(one.priority)),
            "answered" if one.waiting_seconds is None else duration(one.waiting_seconds),
            escape(one.agent or "nobody"),
            one.reason or "",
            escape(f"{one.name or one.address} ({one.contact})"),
            one.tier,
            one.channel,
            escape(one.summary),
        )
    return table


def print_thread(console: Console, thread: Thread, *, timeline: bool) -> None:
    """A Conversation, laid open."""
    has = thread.agent or f"the {thread.owner}"
    console.print(
        escape(
            f"Conversation {thread.conversation} on {thread.channel} with {thread.name or thread.address}"
            f" (contact {thread.contact}, {thread.tier}): {thread.state}, {has} has it"
        ),
        highlight=False,
        style="bold",
    )
    if thread.summary:
        console.print(f"Handed over: {thread.reason or 'taken'}\n{thread.summary}", highlight=False, markup=False)
    console.print(lines_table(thread.lines, channels=timeline))
    if thread.cases:
        console.print(cases_table(thread.cases))
    console.print(f"You have seen up to line {thread.seen}.", highlight=False)


def print_profile(console: Console, profile: Profile) -> None:
    """All about a person, what is empty left out."""
    number = f", customer {profile.external_id}" if profile.external_id else ""
    known = [profile.language, profile.time_zone, profile.tier, "blocked" if profile.blocked_at else None]
    facts = ", ".join(fact for fact in known if fact)
    console.print(
        escape(f"Contact {profile.id}{number}: {profile.name or 'no name'} ({facts})"), highlight=False, style="bold"
    )
    for table, rows in (
        (_addresses(profile), profile.addresses),
        (_consents(profile), profile.consents),
        (_orders(profile), profile.orders),
        (cases_table(profile.cases), profile.cases),
        (_follow_ups(profile), profile.follow_ups),
        (_links(profile), profile.links),
        (lines_table(profile.timeline, channels=True), profile.timeline),
    ):
        if rows:
            console.print(table)


def lines_table(lines: Sequence[Line], *, channels: bool) -> Table:
    """Interactions, with what was understood and where deliveries stand."""
    table = Table("Line", "When", *(["Channel"] if channels else []), "Who", "What", "Understood", "Delivery")
    for line in lines:
        kind = "" if line.kind == "message" else f"[{line.kind}] "
        attachments = "".join(f" <{attachment}>" for attachment in line.attachments)
        table.add_row(
            str(line.id),
            moment(line.at),
            *([line.channel] if channels else []),
            escape(f"{ARROWS[line.direction]} {line.author}"),
            escape(kind + line.text + attachments),
            escape(_understood(line)),
            escape(_delivery(line)),
            style="yellow" if line.status in NOT_WELL else "dim" if line.direction is Direction.INTERNAL else None,
        )
    return table


def cases_table(cases: Sequence[CaseSummary]) -> Table:
    table = Table("Case", "Kind", "Status", "Step", "Subject", "Facts", "Promises", title="Cases")
    for case in cases:
        table.add_row(
            case.number,
            case.kind,
            case.status,
            case.step or "",
            escape(case.subject),
            escape("; ".join(f"{key}: {value}" for key, value in case.facts.items())),
            escape("; ".join(f"{one['text']} ({one['due'][:10]})" for one in case.promises)),
        )
    return table


def duration(seconds: float) -> str:
    """As people say it."""
    minutes = int(seconds // 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60:02} min"
    return f"{minutes // 1440} days"


def moment(at: datetime) -> str:
    """In this machine's time zone."""
    return f"{at.astimezone():%Y-%m-%d %H:%M}"


def _understood(line: Line) -> str:
    if line.turn_failure:
        return line.turn_failure
    if line.intent is None:
        return ""
    return f"{line.intent} {line.confidence or 0:.2f} ({line.engine})"


def _delivery(line: Line) -> str:
    if line.status is None:
        return ""
    return line.status if line.failure is None else f"{line.status}: {line.failure}"


def _addresses(profile: Profile) -> Table:
    table = Table("Address", "Proven", "Reachable", title="Addresses")
    for one in profile.addresses:
        closed = f"no: {one.closed_reason or 'closed'}" if one.closed_at else "yes"
        table.add_row(escape(one.uri), "yes" if one.proven_at else "no", escape(closed))
    return table


def _consents(profile: Profile) -> Table:
    table = Table("When", "Address", "Purpose", "Said", "Source", "Words", title="Consents")
    for one in profile.consents:
        said = "yes" if one.granted else "no"
        table.add_row(moment(one.at), escape(one.address), one.purpose, said, escape(one.source), escape(one.words))
    return table


def _orders(profile: Profile) -> Table:
    table = Table("Order", "When", "Product", "Quantity", "Amount", "Status", title="Orders")
    for one in profile.orders:
        amount = f"{one.amount:.2f} {one.currency}"
        table.add_row(
            escape(one.order_id), moment(one.at), escape(one.product), str(one.quantity), amount, escape(one.status)
        )
    return table


def _follow_ups(profile: Profile) -> Table:
    table = Table("Due", "Kind", "Reason", "State", "Case", title="Follow-ups")
    for one in profile.follow_ups:
        table.add_row(moment(one.due_at), one.kind, escape(one.reason), one.state, one.case_number or "")
    return table


def _links(profile: Profile) -> Table:
    table = Table("Link", "Contact", "Merged", "Evidence", "By", "When", title="Links")
    for one in profile.links:
        state = moment(one.made_at) + (" (undone)" if one.undone_at else "")
        table.add_row(str(one.id), str(one.contact), str(one.merged), escape(one.evidence), one.made_by, state)
    return table
