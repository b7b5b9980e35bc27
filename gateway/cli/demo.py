"""`rapport demo`: a business to look at."""

from __future__ import annotations

import typer

from gateway.cli.app import app, err, load_settings


@app.command()
def demo(context: typer.Context) -> None:
    """Fill an empty database with a small tea shop: customers, orders, and ten days of conversations."""
    import asyncio
    from datetime import UTC, datetime

    from gateway import logs
    from gateway.demonstrating import AlreadyFilled, fill
    from gateway.reach import NotReached

    settings = load_settings(context)
    logs.configure(settings.logs.model_copy(update={"level": "warning"}))
    try:
        filled = asyncio.run(fill(settings, now=datetime.now(UTC)))
    except (AlreadyFilled, NotReached) as error:
        err.print(str(error), style="red", highlight=False)
        raise typer.Exit(1) from error
    typer.echo(
        f"{filled.contacts} contacts with orders, and {filled.conversations} conversations."
        " Look with `rapport queue` and `rapport show 1`, or start with `rapport run`."
    )
