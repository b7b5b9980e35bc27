"""`rapport replay`: a recorded conversation against today's engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.app import app, err, load_settings

if TYPE_CHECKING:
    from gateway.replaying import Replayed


@app.command()
def replay(
    context: typer.Context,
    conversation: Annotated[int, typer.Argument(help="Number of the conversation.")],
    as_json: Annotated[bool, typer.Option("--json", help="A JSON line for each turn.")] = False,
) -> None:
    """Run a recorded conversation against today's engine and show what would differ."""
    import orjson
    from rich.console import Console

    from bot.playbook import PlaybookMistakes, load
    from gateway.playbooks import files
    from gateway.replaying import replay as run_again
    from storage.database import synchronous_engine

    settings = load_settings(context)
    try:
        playbook = load(files(settings.playbook))
    except PlaybookMistakes as mistakes:
        err.print(str(mistakes), style="red", highlight=False, markup=False)
        raise typer.Exit(2) from None
    engine = synchronous_engine(settings.database_url.render_as_string(hide_password=False))
    with engine.connect().execution_options(rapport_reads=True) as connection, connection.begin():
        turns = run_again(connection, conversation, playbook)
    engine.dispose()
    if not turns:
        err.print(f"Conversation {conversation} has no recorded turns.", style="red")
        raise typer.Exit(1)
    if as_json:
        for turn in turns:
            typer.echo(orjson.dumps({"differs": turn.differs, **_fields(turn)}).decode())
        return
    console = Console()
    for turn in turns:
        _show(console, turn)
    console.print(f"{sum(turn.differs for turn in turns)} of {len(turns)} turns would differ.", highlight=False)


def _fields(turn: Replayed) -> dict[str, object]:
    return {
        "at": turn.at,
        "occasion": turn.occasion,
        "then": turn.then,
        "now": turn.now,
        "playbook_changed": turn.playbook_changed,
        "unreadable": turn.unreadable,
    }


def _show(console: object, turn: Replayed) -> None:
    from difflib import unified_diff

    from rich.console import Console

    assert isinstance(console, Console)
    mark = "≠" if turn.differs else "="
    console.print(f"{mark} {turn.at:%Y-%m-%d %H:%M:%S}  {turn.occasion}", markup=False, highlight=False)
    if turn.unreadable is not None:
        console.print(f"    cannot be run again: {turn.unreadable}", style="yellow", markup=False, highlight=False)
    if turn.differs:
        for line in unified_diff(_lines(turn.then), _lines(turn.now), "then", "now", lineterm="", n=1):
            style = "red" if line.startswith("-") else "green" if line.startswith("+") else "dim"
            console.print(f"    {line}", style=style, markup=False, highlight=False)


def _lines(effects: object) -> list[str]:
    import orjson

    return orjson.dumps(effects, option=orjson.OPT_INDENT_2).decode().splitlines()
