"""`rapport backup` and `rapport restore`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.app import app, err, load_settings


@app.command()
def backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The archive to write, such as rapport.tar.gz.")],
) -> None:
    """Write everything to one archive, while the gateway runs."""
    from datetime import UTC, datetime

    from gateway.archive import BackupFailed
    from gateway.backup import backup as write

    settings = load_settings(context)
    try:
        leaflet = write(settings, file, now=datetime.now(UTC), progress=typer.echo)
    except (BackupFailed, OSError) as error:
        err.print(str(error), style="red", highlight=False)
        raise typer.Exit(1) from error
    typer.echo(
        f"{file}: {leaflet.contacts} contacts, {leaflet.interactions} interactions, {leaflet.blobs} attachments,"
        f" {file.stat().st_size:,} bytes."
    )
    if leaflet.lost:
        err.print(
            f"{leaflet.lost} attachments are missing: the data folder has not got them, or they are damaged there.",
            style="yellow",
            highlight=False,
        )


@app.command()
def restore(
    context: typer.Context, file: Annotated[Path, typer.Argument(help="An archive of `rapport backup`.")]
) -> None:
    """Bring an archive back into an empty place."""
    from contextlib import ExitStack

    from gateway.archive import BackupFailed
    from gateway.backup import restore as bring_back
    from gateway.lock import AlreadyRunning, DataLock
    from storage.migrations import migrate

    settings = load_settings(context)
    try:
        with ExitStack() as stack:
            if settings.embedded:
                stack.enter_context(DataLock(settings.data_dir))
            leaflet = bring_back(settings, file, progress=typer.echo)
            migrate(settings.database_url.render_as_string(hide_password=False))
    except (BackupFailed, AlreadyRunning, OSError) as error:
        err.print(str(error), style="red", highlight=False)
        raise typer.Exit(1) from error
    typer.echo(
        f"Restored the backup of {leaflet.made_at}: {leaflet.contacts} contacts, {leaflet.interactions} interactions,"
        f" {leaflet.blobs} attachments."
    )
