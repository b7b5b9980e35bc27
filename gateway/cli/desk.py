"""An agent's verbs in the terminal: who waits, what was said, take over, answer, hand back, and who a contact is."""

from __future__ import annotations

import asyncio
import getpass
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.console import Console

from gateway.cli.app import app, err, load_settings

if TYPE_CHECKING:
    from desk.refusals import Refused
    from gateway.reach import House

T = TypeVar("T")

Conversation = Annotated[int, typer.Argument(help="Number of the conversation, as `rapport queue` lists it.")]
Name = Annotated[str | None, typer.Option("--as", help="The agent's name; your user name here where it is left out.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
FromColleague = Annotated[bool, typer.Option("--from-colleague", help="Although a colleague has it.")]
Person = Annotated[str, typer.Argument(help="A contact: its number, customer:<your number> or an address.")]
Text = Annotated[str, typer.Argument(help="The words; - or nothing reads them from standard input.")]


@app.command()
def queue(
    context: typer.Context,
    mine: Annotated[bool, typer.Option("--mine", help="Only what nobody has taken, and what you have.")] = False,
    spam: Annotated[bool, typer.Option("--spam", help="The spam folder instead.")] = False,
    name: Name = None,
    as_json: Json = False,
) -> None:
    """Who waits for a person: urgent ones first, then who has waited longest."""
    from desk import inbox

    agent = _agent(name) if mine else None
    waiting = _ask(context, lambda house: house.do(inbox.spam) if spam else house.do(inbox.queue, agent=agent))
    if as_json:
        _print_json(waiting)
    else:
        from gateway.cli.desk_tables import queue_table

        Console().print(queue_table(waiting) if waiting else "The spam folder is empty." if spam else "Nobody waits.")


@app.command()
def show(
    context: typer.Context,
    conversation: Conversation,
    timeline: Annotated[bool, typer.Option("--timeline", help="The contact's timeline over all channels.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many lines, the latest.")] = 200,
    as_json: Json = False,
) -> None:
    """A conversation: the thread and what became of each message, the summary, the cases, what was understood."""
    from desk import inbox

    thread = _ask(
        context, lambda house: house.do(inbox.show, conversation=conversation, timeline=timeline, limit=limit)
    )
    if as_json:
        _print_json(thread)
    else:
        from gateway.cli.desk_tables import print_thread

        print_thread(Console(), thread, timeline=timeline)


@app.command()
def take(
    context: typer.Context,
    conversation: Conversation,
    from_colleague: FromColleague = False,
    name: Name = None,
    as_json: Json = False,
) -> None:
    """Take a conversation over: from now on you speak, and the assistant is silent."""
    from desk import conversations

    by = _agent(name)
    ownership = _ask(
        context,
        lambda house: house.do(conversations.take, conversation=conversation, by=by, from_colleague=from_colleague),
    )
    withdrawn = f" {ownership.withdrawn} of the assistant's messages will not leave." if ownership.withdrawn else ""
    _say(ownership, as_json, f"You have conversation {conversation}.{withdrawn}")


@app.command()
def reply(
    context: typer.Context,
    conversation: Conversation,
    text: Text = "-",
    seen: Annotated[
        int | None, typer.Option(help="Newest line you have read (show tells it); your own latest where left out.")
    ] = None,
    name: Name = None,
    as_json: Json = False,
) -> None:
    """Write to the customer. Refused where messages came in that your draft does not know of."""
    from desk import conversations

    by = _agent(name)

    async def send(house: House) -> tuple[conversations.Written, bool]:
        return await _reply(house, conversation, by, text, seen), house.running

    written, leaving = _ask(context, send)
    _say(written, as_json, "On its way." if leaving else "Written down; it leaves when the gateway runs.")


@app.command()
def note(
    context: typer.Context, conversation: Conversation, text: Text = "-", name: Name = None, as_json: Json = False
) -> None:
    """Leave a note for colleagues; the customer never sees it."""
    from desk import conversations

    by, words = _agent(name), _words(text)
    written = _ask(context, lambda house: house.do(conversations.note, conversation=conversation, by=by, text=words))
    _say(written, as_json, "Noted.")


@app.command()
def correct(
    context: typer.Context,
    message: Annotated[int, typer.Argument(help="Number of the message's line, as `rapport show` lists it.")],
    intent: Annotated[str, typer.Argument(help="What was meant, such as refund_request.")],
    name: Name = None,
    as_json: Json = False,
) -> None:
    """Say what a customer's message meant. It waits for a review, and what is accepted there is learnt."""
    from desk import reviewing
    from gateway.training_folder import training_folder
    from nlu.training import TrainingDataMistakes, read

    by, settings = _agent(name), load_settings(context)
    try:
        intents = read(training_folder(settings)).intents
    except (TrainingDataMistakes, OSError) as error:
        err.print(f"The training data cannot be read: {error}", style="red", highlight=False, markup=False)
        raise typer.Exit(2) from None
    if intent not in intents:
        raise typer.BadParameter(f"{intent} is none of {', '.join(intents)}", param_hint="INTENT")
    review = _ask(context, lambda house: house.do(reviewing.correct, interaction=message, intent=intent, by=by))
    _say(review, as_json, f"Message {message} waits for a review as {intent}.")


@app.command()
def handback(
    context: typer.Context,
    conversation: Conversation,
    text: Annotated[str, typer.Option("--note", help="What was agreed: kept with the open case.")] = "",
    from_colleague: FromColleague = False,
    name: Name = None,
    as_json: Json = False,
) -> None:
    """Give a conversation back to the assistant."""
    from desk import conversations

    by = _agent(name)
    ownership = _ask(
        context,
        lambda house: house.do(
            conversations.handback, conversation=conversation, by=by, text=text, from_colleague=from_colleague
        ),
    )
    _say(ownership, as_json, f"The assistant has conversation {conversation}.")


@app.command()
def resolve(
    context: typer.Context,
    conversation: Conversation,
    case: Annotated[str | None, typer.Option(help="A case that is resolved with it, such as C-1042.")] = None,
    survey: Annotated[bool, typer.Option(help="Ask the customer later how it was, once a case.")] = True,
    from_colleague: FromColleague = False,
    name: Name = None,
    as_json: Json = False,
) -> None:
    """Close a conversation: it is done, and the next message opens a new one."""
    from desk import conversations

    by = _agent(name)
    hours = _survey_hours(context) if case is not None and survey else None
    ownership = _ask(
        context,
        lambda house: house.do(
            conversations.resolve,
            conversation=conversation,
            by=by,
            case=case,
            survey_hours=hours,
            from_colleague=from_colleague,
        ),
    )
    _say(ownership, as_json, f"Conversation {conversation} is resolved.")


@app.command()
def notspam(context: typer.Context, conversation: Conversation, name: Name = None, as_json: Json = False) -> None:
    """Take a conversation out of the spam folder: it was none. The customer is heard again, by a person first."""
    from desk import spam

    by = _agent(name)
    restored = _ask(context, lambda house: house.do(spam.not_spam, conversation=conversation, by=by))
    heard = f" Contact {restored.contact} is blocked no more." if restored.unblocked else ""
    _say(restored, as_json, f"Not spam.{heard} Conversation {restored.goes_on_in} waits for a person now.")


@app.command()
def keep(
    context: typer.Context,
    case: Annotated[str, typer.Argument(help="A case, such as C-1042.")],
    name: Name = None,
    as_json: Json = False,
) -> None:
    """Say that what was promised on a case has been done."""
    from desk import promises

    by = _agent(name)
    kept = _ask(context, lambda house: house.do(promises.keep, case=case, by=by))
    if as_json:
        _print_json(kept)
    else:
        typer.echo(f"Case {kept.case}: {'; '.join(kept.promises) or 'every promise was kept before'}.")


@app.command()
def contact(context: typer.Context, contact: Person, as_json: Json = False) -> None:
    """All about a person: profile, addresses, consents, orders, cases, follow-ups and the timeline."""
    from desk import people

    profile = _ask(context, lambda house: house.do(people.contact, contact=contact))
    if as_json:
        _print_json(profile)
    else:
        from gateway.cli.desk_tables import print_profile

        print_profile(Console(), profile)


@app.command()
def record(
    context: typer.Context,
    contact: Person,
    kind: Annotated[str, typer.Argument(help="call, visit, meeting, fax or fair.")],
    text: Text = "-",
    at: Annotated[
        datetime | None, typer.Option(help="When it was, in this machine's time zone; now where it is left out.")
    ] = None,
    case: Annotated[str | None, typer.Option(help="The case it was about, such as C-1042.")] = None,
    name: Name = None,
    as_json: Json = False,
) -> None:
    """Write down a contact that did not come through a channel."""
    from desk import people
    from storage.interactions import OFFLINE, InteractionKind

    if kind not in OFFLINE:
        raise typer.BadParameter(f"{kind} is none of {', '.join(OFFLINE)}")
    by, words, when = _agent(name), _words(text), None if at is None else at.astimezone()
    recorded = _ask(
        context,
        lambda house: house.do(
            people.record, contact=contact, kind=InteractionKind(kind), text=words, by=by, at=when, case=case
        ),
    )
    _say(recorded, as_json, f"Recorded with contact {recorded.contact}.")


@app.command()
def link(
    context: typer.Context,
    contact: Person,
    other: Person,
    evidence: Annotated[str, typer.Option(help="How we know that both are one person.")],
    name: Name = None,
    as_json: Json = False,
) -> None:
    """Make two contacts one: everything of the second moves to the first, and can be given back."""
    from desk import people

    by = _agent(name)
    linked = _ask(context, lambda house: house.do(people.link, contact=contact, other=other, evidence=evidence, by=by))
    _say(
        linked,
        as_json,
        f"Contact {linked.merged} is part of contact {linked.contact} now; rapport unlink {linked.link} takes it back.",
    )


@app.command()
def unlink(
    context: typer.Context,
    link: Annotated[int, typer.Argument(help="Number of the link, as `rapport contact` lists it.")],
    name: Name = None,
    as_json: Json = False,
) -> None:
    """Take a link back: every row returns to whom it belonged."""
    from desk import people

    by = _agent(name)
    linked = _ask(context, lambda house: house.do(people.unlink, link=link, by=by))
    _say(linked, as_json, f"Contacts {linked.contact} and {linked.merged} are two again.")


@app.command()
def linkcode(context: typer.Context, contact: Person, as_json: Json = False) -> None:
    """A code for a contact to show on another channel, within a day: whoever shows it is that person."""
    from desk import people

    given = _ask(context, lambda house: house.do(people.link_code, contact=contact))
    _say(
        given,
        as_json,
        f"Give contact {given.contact}, and nobody else, this to send to our Telegram bot: /start {given.code}\n"
        f"or this link: https://t.me/<the bot's name>?start={given.code}\n"
        f"It counts once, until {given.expires_at:%Y-%m-%d %H:%M} UTC.",
    )


async def _reply(house: House, conversation: int, by: str, text: str, seen: int | None):
    """Where the words are still to be typed, the draft begins now: what comes in meanwhile is shown first."""
    from desk import conversations, inbox

    if seen is None and text == "-" and sys.stdin.isatty():
        thread = await house.do(inbox.show, conversation=conversation, limit=20)
        from gateway.cli.desk_tables import print_thread

        print_thread(err, thread, timeline=False)
        err.print("Write your reply, then press Ctrl-D:")
        seen = thread.seen
    words = await asyncio.to_thread(_words, text)
    return await house.do(conversations.reply, conversation=conversation, by=by, text=words, seen=seen)


def _ask(context: typer.Context, ask: Callable[[House], Awaitable[T]]) -> T:
    """Ask the house, wherever it is; a refusal is printed and ends the command with status 1."""
    from desk.refusals import Refused
    from gateway.reach import NotReached, reach

    settings = load_settings(context)

    async def asked() -> T:
        async with reach(settings) as house:
            return await ask(house)

    try:
        return asyncio.run(asked())
    except Refused as refused:
        _refuse(refused)
        raise typer.Exit(1) from None
    except NotReached as error:
        err.print(str(error), style="red", highlight=False, markup=False)
        raise typer.Exit(2) from None


def _refuse(refused: Refused) -> None:
    from desk.refusals import Stale
    from gateway.cli.desk_tables import printable

    err.print(printable(str(refused)), style="red", highlight=False)
    if isinstance(refused, Stale):
        for line in refused.unseen:
            err.print(printable(f"  {line.id}  {line.author}: {line.text}"), highlight=False)


def _agent(name: str | None) -> str:
    return name or getpass.getuser()


def _words(text: str) -> str:
    return sys.stdin.read() if text == "-" else text


def _survey_hours(context: typer.Context) -> float | None:
    from bot.playbook import PlaybookMistakes, load
    from gateway.playbooks import files

    try:
        return float(load(files(load_settings(context).playbook)).policy.times.survey_hours)
    except (PlaybookMistakes, OSError):
        err.print("The playbook cannot be read: nobody will be asked how it was.", style="yellow")
        return None


def _say(answer: object, as_json: bool, sentence: str) -> None:
    if as_json:
        _print_json(answer)
    else:
        Console().print(sentence, highlight=False)


def _print_json(answer: object) -> None:
    from gateway.verbs import to_json

    sys.stdout.write(to_json(answer).decode() + "\n")
