"""`rapport inspect`: what Rapport makes of raw input."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
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


@inspect_app.command()
def sms(
    provider: Annotated[str, typer.Argument(help="Who sent it: twilio, kannel, nexmo, infobip, plivo, …")],
    files: Annotated[list[Path], typer.Argument(help="Files with JSON {method, url, headers, body}; - for input.")],
    region: Annotated[str | None, typer.Option(help="Country of numbers without a code, such as CN.")] = None,
) -> None:
    """Requests as a provider of SMS makes them."""
    from channels.sms.providers import PROVIDERS
    from gateway.inspecting_sms import inspect_sms

    if provider not in PROVIDERS:
        raise typer.BadParameter(f"{provider} is none of {', '.join(PROVIDERS)}", param_hint="PROVIDER")
    _each(files, lambda raw: inspect_sms(provider, raw, region=region))


def _inspect(channel: str, files: list[Path]) -> None:
    from gateway.inspecting import inspect

    _each(files, lambda raw: inspect(channel, raw))


def _each(files: list[Path], read: Callable[[bytes], Iterable[object]]) -> None:
    """Print what is read in each file, a JSON line for each object."""
    import orjson

    for file in files:
        try:
            raw = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        except OSError as error:
            typer.echo(orjson.dumps({"error": f"{file}: {error.strerror}"}).decode())
            continue
        for line in read(raw):
            typer.echo(orjson.dumps(line).decode())
