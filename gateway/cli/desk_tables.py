"""How the terminal shows what an agent asks to see."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from desk.cases import CaseSummary
from desk.inbox import PRIORITIES, Listed, Thread
from desk.profiles import Profile
from desk.reasons import in_words
from desk.timeline import Line
from storage.interactions import Direction

ARROWS = {Direction.IN: "→", Direction.OUT: "←", Direction.INTERNAL: "·"}
CONTROLS = {
    **{code: 0x2400 + code for code in range(0x20) if chr(code) not in "\n\t"},
    0x7F: 0x2421,
    **dict.fromkeys((*range(0x80, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)), 0xFFFD),
}
"""A customer's words must not steer the agent's terminal: escape sequences are shown, not obeyed."""
LIST = 120
"""Characters that one conversation gets to say what it is about in a list of them."""
NOT_WELL = ("failed", "skipped", "unknown", "retrying")


def queue_table(waiting: Sequence[Listed]) -> Table:
    """Who waits for a person."""
    table = _table("No.", "Priority", "Waits", "With", "Who", "About")
    for one in waiting:
        why = f"{in_words(one.reason)}: " if one.reason else ""
        table.add_row(
            str(one.conversation),
            PRIORITIES.get(one.priority, str(one.priority)),
            "answered" if one.waiting_seconds is None else duration(one.waiting_seconds),
            printable(one.agent or "nobody"),
            printable(f"{one.name or one.address} (contact {one.contact}, {one.tier})\non {one.channel}"),
            printable(shorten(why + one.summary)),
        )
    return table


def print_thread(console: Console, thread: Thread, *, timeline: bool) -> None:
    """A Conversation, laid open."""
    has = thread.agent or f"the {thread.owner}"
    console.print(
        printable(
            f"Conversation {thread.conversation} on {thread.channel} with {thread.name or thread.address}"
            f" (contact {thread.contact}, {thread.tier}): {thread.state}, {has} has it"
        ),
        highlight=False,
        style="bold",
    )
    if thread.summary:
        why = in_words(thread.reason) if thread.reason else "taken"
        console.print(printable(f"Handed over: {why}\n{thread.summary}"), highlight=False)
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
        printable(f"Contact {profile.id}{number}: {profile.name or 'no name'} ({facts})"), highlight=False, style="bold"
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
    """Interactions; below each, what was understood and where its Delivery stands."""
    table = _table("Line", "When", "Who", "What")
    for line in lines:
        kind = "" if line.kind == "message" else f"[{line.kind}] "
        attachments = "".join(f" <{attachment}>" for attachment in line.attachments)
        below = "".join(f"\n({fact})" for fact in (_understood(line), _delivery(line)) if fact)
        where = f"\non {line.channel}" if channels else ""
        table.add_row(
            str(line.id),
            moment(line.at),
            printable(f"{ARROWS[line.direction]} {line.author}{where}"),
            printable(kind + line.text + attachments + below),
            style="yellow" if line.status in NOT_WELL else "dim" if line.direction is Direction.INTERNAL else None,
        )
    return table


def cases_table(cases: Sequence[CaseSummary]) -> Table:
    table = _table("Case", "Kind", "Status", "Step", "Subject", "Facts", "Promises", title="Cases")
    for case in cases:
        table.add_row(
            case.number,
            case.kind,
            case.status,
            case.step or "",
            printable(case.subject),
            printable("; ".join(f"{key}: {value}" for key, value in case.facts.items())),
            printable("; ".join(f"{one['text']} ({one['due'][:10]})" for one in case.promises)),
        )
    return table


def printable(text: str) -> str:
    """Somebody else's words, as they may be printed."""
    return escape(text.translate(CONTROLS))


def shorten(words: str) -> str:
    """To some lines of a table; `rapport show` has all of it."""
    return words if len(words) <= LIST else f"{words[: LIST - 1].rstrip()}…"


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


def _table(*names: str, title: str | None = None) -> Table:
    """Long words are broken, never cut: Chinese has no spaces to break at."""
    table = Table(title=title)
    for name in names:
        table.add_column(name, overflow="fold")
    return table


def _understood(line: Line) -> str:
    if line.turn_failure:
        return f"understanding: {line.turn_failure}"
    if line.intent is None:
        return ""
    return f"understood by {line.engine}: {line.intent} {line.confidence or 0:.2f}"


def _delivery(line: Line) -> str:
    if line.status is None:
        return ""
    return line.status if line.failure is None else f"{line.status}: {line.failure}"


def _addresses(profile: Profile) -> Table:
    table = _table("Address", "Proven", "Reachable", title="Addresses")
    for one in profile.addresses:
        closed = f"no: {one.closed_reason or 'closed'}" if one.closed_at else "yes"
        table.add_row(printable(one.uri), "yes" if one.proven_at else "no", printable(closed))
    return table


def _consents(profile: Profile) -> Table:
    table = _table("When", "Address", "Purpose", "Said", "Source", "Words", title="Consents")
    for one in profile.consents:
        said = "yes" if one.granted else "no"
        table.add_row(
            moment(one.at), printable(one.address), one.purpose, said, printable(one.source), printable(one.words)
        )
    return table


def _orders(profile: Profile) -> Table:
    table = _table("Order", "When", "Product", "Quantity", "Amount", "Status", title="Orders")
    for one in profile.orders:
        amount = f"{one.amount:.2f} {one.currency}"
        table.add_row(
            printable(one.order_id),
            moment(one.at),
            printable(one.product),
            str(one.quantity),
            amount,
            printable(one.status),
        )
    return table


def _follow_ups(profile: Profile) -> Table:
    table = _table("Due", "Kind", "Reason", "State", "Case", title="Follow-ups")
    for one in profile.follow_ups:
        table.add_row(moment(one.due_at), one.kind, printable(one.reason), one.state, one.case_number or "")
    return table


def _links(profile: Profile) -> Table:
    table = _table("Link", "Contact", "Merged", "Evidence", "By", "When", title="Links")
    for one in profile.links:
        state = moment(one.made_at) + (" (undone)" if one.undone_at else "")
        table.add_row(str(one.id), str(one.contact), str(one.merged), printable(one.evidence), one.made_by, state)
    return table
