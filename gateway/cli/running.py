"""`rapport run` and `rapport migrate`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from gateway.cli.app import app, err, load_settings


@app.command()
def run(
    context: typer.Context,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    role: Annotated[str | None, typer.Option(help="all, web or worker.")] = None,
    nlu: Annotated[str | None, typer.Option(help="Who understands: embedded or rasa.")] = None,
) -> None:
    """Start the gateway."""
    from gateway import logs
    from gateway.lock import AlreadyRunning
    from gateway.serving import serve

    settings = load_settings(
        context, **{"server.host": host, "server.port": port, "server.role": role, "nlu.engine": nlu}
    )
    logs.configure(settings.logs)
    console = Console()

    def ready(url: str, first: str | None) -> None:
        console.print(f"Rapport is ready: open {url} and say hello.", highlight=False)
        if first is not None:
            console.print(f"Nobody works here yet. {first} makes you the first admin, once.", soft_wrap=True)

    try:
        serve(settings, on_ready=ready)
    except AlreadyRunning as error:
        err.print(str(error), style="red")
        raise typer.Exit(1) from error


@app.command()
def migrate(context: typer.Context) -> None:
    """Bring the database to this version's shape. On SQLite the gateway must not be running."""
    from contextlib import nullcontext

    from gateway.lock import AlreadyRunning, DataLock
    from storage.migrations import migrate as bring_up

    settings = load_settings(context)
    try:
        with DataLock(settings.data_dir) if settings.embedded else nullcontext():
            revision = bring_up(settings.database_url.render_as_string(hide_password=False))
    except AlreadyRunning as error:
        err.print(f"{error}: stop it first; its next start migrates, too.", style="red", highlight=False)
        raise typer.Exit(1) from error
    Console().print(f"The database is at revision {revision}.")
