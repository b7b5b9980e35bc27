"""`rapport nlu review`: people say what was meant, and it is learnt."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.console import Console

from gateway.cli.app import err, load_settings
from gateway.cli.desk import Json, Name
from gateway.cli.nlu import nlu_app

if TYPE_CHECKING:
    from rich.table import Table

    from desk.reviewing import InContext, ToReview, Understood, Waiting
    from gateway.reach import House
    from gateway.settings import Settings
    from gateway.teaching import Decision, Teaching

T = TypeVar("T")

KEYS = "an intent or its number, d(iscard), s(kip), t(ext), m(ark an entity), i(ntents), q(uit)"


@nlu_app.command()
def review(
    context: typer.Context,
    listing: Annotated[bool, typer.Option("--list", help="Only list what waits.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="With --list: at most so many.")] = 50,
    accept: Annotated[int | None, typer.Option(help="Teach this message, without asking.")] = None,
    intent: Annotated[str | None, typer.Option(help="With --accept: what was meant.")] = None,
    entity: Annotated[
        list[str] | None,
        typer.Option(help='With --accept: "words=kind", such as "tieguanyin=product"; "words=" where it is none.'),
    ] = None,
    text: Annotated[str | None, typer.Option(help="With --accept: keep these words instead of the message's.")] = None,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="With --accept: although nearly the same words are another intent's.")
    ] = False,
    discard: Annotated[int | None, typer.Option(help="There is nothing to learn from this message.")] = None,
    name: Name = None,
    as_json: Json = False,
) -> None:
    """Look at messages that were not understood, one after the other, and say what was meant."""
    import getpass

    from desk import reviewing
    from gateway.cli.desk_tables import printable
    from gateway.teaching import Decision

    if accept is not None and intent is None:
        raise typer.BadParameter("say with --intent what was meant", param_hint="--accept")
    if sum((listing, accept is not None, discard is not None)) > 1:
        raise typer.BadParameter("choose one of --list, --accept and --discard")
    settings, by = load_settings(context), name or getpass.getuser()
    if listing:
        _list(_ask(settings, lambda house: house.do(reviewing.waiting, limit=limit)), as_json=as_json)
    elif discard is not None:
        done = _ask(settings, lambda house: house.do(reviewing.discard, interaction=discard, by=by))
        _say(done, f"Message {discard} is discarded.", as_json=as_json)
    elif accept is not None and intent is not None:
        decision = Decision(
            interaction=accept, intent=intent, by=by, marks=tuple(map(_mark, entity or ())), text=text, anyway=anyway
        )
        teaching = _teaching(settings)
        done = _ask(settings, lambda house: teaching.teach(house, decision))
        _say(done, printable(_taught(done)), as_json=as_json)
    else:
        _one_by_one(settings, _teaching(settings), by)


def _teaching(settings: Settings) -> Teaching:
    """What we teach into; exit status 2 where the playbook or the training data is broken."""
    from bot.playbook import PlaybookMistakes
    from gateway.playbooks import Playbooks
    from gateway.teaching import Teaching
    from gateway.training_folder import training_folder

    try:
        folder, playbooks = training_folder(settings), Playbooks(settings.playbook)
    except (PlaybookMistakes, OSError) as error:
        err.print(str(error), style="red", highlight=False, markup=False)
        raise typer.Exit(2) from None
    return Teaching(folder, lock=settings.data_dir / "reviewing.lock", entities=playbooks)


def _ask(settings: Settings, ask: Callable[[House], Awaitable[T]]) -> T:
    """Ask the house, wherever it is. A refusal ends the command with status 1, what is broken with 2."""
    from desk.refusals import Refused
    from gateway.reach import NotReached
    from nlu.training import TrainingDataMistakes

    try:
        return asyncio.run(_asked(settings, ask))
    except Refused as refused:
        _tell(refused)
        raise typer.Exit(1) from None
    except (NotReached, TrainingDataMistakes, OSError) as error:
        _tell(error)
        raise typer.Exit(2) from None


async def _asked(settings: Settings, ask: Callable[[House], Awaitable[T]]) -> T:
    from gateway.reach import reach

    async with reach(settings) as house:
        return await ask(house)


def _tell(error: Exception) -> None:
    from gateway.cli.desk_tables import printable

    err.print(printable(str(error)), style="red", highlight=False, soft_wrap=True)


def _mark(said: str) -> tuple[str, str]:
    words, equals, kind = said.rpartition("=")
    if not equals or not words.strip():
        raise typer.BadParameter(f"{said!r} is not of the form words=kind", param_hint="--entity")
    return words, kind


def _list(found: Waiting, *, as_json: bool) -> None:
    if as_json:
        _print_json(found)
        return
    if not found.reviews:
        Console().print("Nothing waits for a review.")
        return
    Console().print(_table(found.reviews))
    if found.waiting > len(found.reviews):
        Console().print(f"{found.waiting:,} wait in all; --limit shows more.", highlight=False)


def _table(reviews: Sequence[ToReview]) -> Table:
    from rich.table import Table

    from gateway.cli.desk_tables import moment, printable, shorten

    table = Table()
    for name in ("Message", "When", "Why", "What was written", "What was understood"):
        table.add_column(name, overflow="fold")
    for one in reviews:
        suggested = f"\n{one.suggested_by} says: {one.suggested}" if one.suggested else ""
        table.add_row(
            str(one.interaction),
            moment(one.at),
            _reason(one),
            printable(shorten(one.text)),
            printable(_understood(one.understood) + suggested),
        )
    return table


def _say(done: ToReview, sentence: str, *, as_json: bool) -> None:
    if as_json:
        _print_json(done)
    else:
        Console().print(sentence, highlight=False, soft_wrap=True)


def _print_json(answer: object) -> None:
    from gateway.verbs import to_json

    typer.echo(to_json(answer).decode())


def _taught(done: ToReview) -> str:
    return f"Message {done.interaction} is taught as {done.intent} in {done.place}: {done.example}"


# One after the other


def _one_by_one(settings: Settings, teaching: Teaching, by: str) -> None:
    from desk import reviewing

    last = 0
    while True:
        after = last
        found = _ask(settings, lambda house, after=after: house.do(reviewing.waiting, limit=1, after=after))
        if not found.reviews:
            Console().print("That was all." if last else "Nothing waits for a review.")
            return
        last = found.reviews[0].interaction
        shown = _ask(settings, lambda house, one=last: house.do(reviewing.look, interaction=one))
        _show(shown, found.waiting)
        if not _judge(settings, teaching, shown.review, by):
            return


def _show(shown: InContext, waiting: int) -> None:
    from gateway.cli.desk_tables import lines_table, printable

    review, console = shown.review, Console()
    console.rule(f"message {review.interaction}, {waiting} waiting", characters="─")
    if review.conversation is not None:
        console.print(lines_table(shown.lines, channels=False))
    console.print(printable(review.text), style="bold", highlight=False)
    console.print(printable(f"{_reason(review)}: {_understood(review.understood)}"), style="dim", highlight=False)
    for number, (intent, remark) in enumerate(_choices(review), start=1):
        console.print(printable(f"  {number}  {intent}  ({remark})"), highlight=False)


def _judge(settings: Settings, teaching: Teaching, review: ToReview, by: str) -> bool:
    """Ask until it is decided or left alone; False: that is enough for now."""
    from desk import reviewing
    from gateway.teaching import Decision

    decision = Decision(interaction=review.interaction, intent="", by=by)
    while True:
        said = typer.prompt(KEYS, default="s", show_default=False, prompt_suffix=" > ").strip()
        match said.split(maxsplit=1) or ["s"]:
            case ["q" | "quit"]:
                return False
            case ["s" | "skip"]:
                return True
            case ["d" | "discard"]:
                _ask(settings, lambda house: house.do(reviewing.discard, interaction=review.interaction, by=by))
                return True
            case ["i" | "intents"]:
                Console().print(", ".join(teaching.intents()), highlight=False)
            case ["t" | "text", words]:
                decision = replace(decision, text=words)
            case ["t" | "text"]:
                decision = replace(decision, text=typer.prompt("Keep these words"))
            case ["m" | "mark", *rest]:
                marked = _asked_mark(rest[0] if rest else typer.prompt('Mark, as "words=kind"'))
                decision = replace(decision, marks=(*decision.marks, *marked))
            case _:
                decision = replace(decision, intent=_chosen(review, said), anyway=False)
                if _teach(settings, teaching, review, decision):
                    return True
                if decision.marks:
                    err.print("The marks are forgotten.", style="yellow")
                    decision = replace(decision, marks=())


def _asked_mark(said: str) -> list[tuple[str, str]]:
    try:
        return [_mark(said)]
    except typer.BadParameter as error:
        _tell(error)
        return []


def _chosen(review: ToReview, said: str) -> str:
    choices = _choices(review)
    return choices[int(said) - 1][0] if said.isdecimal() and 1 <= int(said) <= len(choices) else said


def _teach(settings: Settings, teaching: Teaching, review: ToReview, decision: Decision) -> bool:
    """Show what would be kept, and keep it where that is right."""
    from desk.refusals import Refused
    from gateway.cli.desk_tables import printable

    console = Console()
    try:
        proposal = teaching.propose(review, decision)
        console.print(printable(f"It would be kept as {decision.intent}: {proposal.example}"), highlight=False)
        for remark in proposal.remarks:
            console.print(printable(f"  {remark}"), style="yellow", highlight=False)
        if not typer.confirm("Teach it?", default=not proposal.remarks):
            return False
        sure = replace(decision, anyway=True)
        done = asyncio.run(_asked(settings, lambda house: teaching.teach(house, sure)))
    except Refused as refused:
        _tell(refused)
        return False
    console.print(printable(_taught(done)), highlight=False)
    return True


def _choices(review: ToReview) -> list[tuple[str, str]]:
    """Intents that may be meant, with what speaks for them."""
    guesses = [*review.understood.intents, *review.understood.guesses]
    found = {intent: f"{confidence:.0%} sure" for intent, confidence in reversed(guesses)}
    if review.suggested is not None:
        found[review.suggested] = f"{review.suggested_by} says so"
    return list(reversed(found.items()))


def _reason(review: ToReview) -> str:
    from storage.reviews import Why

    match review.why:
        case Why.FELL_THROUGH:
            return "not understood"
        case Why.CLARIFIED:
            return "asked back"
        case Why.CORRECTED:
            return "corrected"


def _understood(understood: Understood) -> str:
    if understood.out_of_scope:
        what = "none of our concern"
    elif understood.intents:
        what = f"taken for {understood.intents[0][0]}, {understood.intents[0][1]:.0%} sure"
    else:
        what = understood.failure or "no idea"
    entities = ", ".join(f"{value} ({kind})" for kind, value in understood.entities)
    return f"{what}; by {understood.engine}" + (f"; {entities}" if entities else "")
