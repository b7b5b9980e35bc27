"""`rapport inspect`: what Rapport makes of raw input."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.app import app

inspect_app = typer.Typer(no_args_is_help=True, help="Show what Rapport makes of raw payloads, a JSON line each.")
app.add_typer(inspect_app, name="inspect")

Files = Annotated[list[Path], typer.Argument(help="Files with one raw payload each; - for standard input.")]


@inspect_app.command()
def telegram(files: Files) -> None:
    """Updates as the Bot API sends them."""
    _inspect("telegram", files)


def _inspect(channel: str, files: list[Path]) -> None:
    import orjson

    from gateway.inspecting import inspect

    for file in files:
        try:
            raw = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        except OSError as error:
            typer.echo(orjson.dumps({"error": f"{file}: {error.strerror}"}).decode())
            continue
        for line in inspect(channel, raw):
            typer.echo(orjson.dumps(line).decode())
