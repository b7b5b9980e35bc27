"""`rapport chat`: talk to the engine in a terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.app import app, load_settings

if TYPE_CHECKING:
    from channels.protocol import HistoryEntry
    from gateway.settings import Settings


@app.command()
def chat(
    context: typer.Context,
    script: Annotated[
        Path | None, typer.Option(help="Read one customer message a line; print a JSON line for each.")
    ] = None,
) -> None:
    """Talk to the assistant as a customer would. Nothing of it is kept."""
    import asyncio

    from gateway import logs

    settings = load_settings(context)
    logs.configure(settings.logs.model_copy(update={"level": "error"}))
    if script is not None:
        try:
            lines = script.read_text("utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            typer.echo(f"{script} cannot be read: {error}", err=True)
            raise typer.Exit(1) from error
        asyncio.run(_follow(settings, [line for line in lines if line.strip()]))
    else:
        asyncio.run(_converse(settings))


async def _follow(settings: Settings, lines: list[str]) -> None:
    from datetime import UTC, datetime

    from gateway.rehearsal import rehearse
    from gateway.stage import Clock

    async with rehearse(settings, clock=Clock(datetime.now(UTC))) as rehearsal:
        for line in lines:
            typer.echo((await rehearsal.say(line)).as_json().decode())


async def _converse(settings: Settings) -> None:
    import asyncio

    from rich.console import Console

    from gateway.rehearsal import rehearse

    console = Console()

    def show(entry: HistoryEntry) -> None:
        console.print(entry.text, style="cyan", highlight=False, markup=False)
        for number, button in enumerate(entry.buttons, 1):
            console.print(f"  {number}. {button.label}", style="cyan dim", highlight=False, markup=False)

    console.print("You are the customer. An empty line ends the conversation.", style="dim")
    async with rehearse(settings, on_reply=show) as rehearsal:
        while True:
            try:
                line = await asyncio.to_thread(input, "> ")
            except EOFError:
                break
            if not line.strip():
                break
            await rehearsal.say(line)
