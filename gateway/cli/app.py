"""The command line's root: what every command shares."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

if TYPE_CHECKING:
    from gateway.settings import Settings

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)
err = Console(stderr=True)


@app.callback()
def rapport(
    context: typer.Context,
    settings: Annotated[Path | None, typer.Option(help="The settings file; rapport.toml where it is left out.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="The data folder, instead of the settings'.")] = None,
) -> None:
    """Rapport, the gateway between a business and its customers."""
    context.obj = (settings, {} if data_dir is None else {"data_dir": str(data_dir)})


def load_settings(context: typer.Context, **overrides: object) -> Settings:
    """The settings, or every mistake in one sentence each and exit status 2."""
    from gateway.settings import SettingsMistakes, load

    path, given = context.obj
    try:
        return load(path, {**given, **overrides})
    except SettingsMistakes as mistakes:
        for mistake in mistakes.mistakes:
            err.print(str(mistake), style="red", highlight=False, markup=False)
        raise typer.Exit(2) from None
