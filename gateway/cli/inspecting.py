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
def mail(
    files: Annotated[list[Path], typer.Argument(help="Mails as they travel (MIME); - for standard input.")],
) -> None:
    """Mails: who wrote what now, what came with it, and whether a person wrote it at all."""
    from gateway.inspecting_mail import inspect_mail

    _each(files, lambda raw: [inspect_mail(raw)])


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


@inspect_app.command()
def signature(
    provider: Annotated[str, typer.Argument(help="Who signed it: twilio.")],
    files: Annotated[
        list[Path], typer.Argument(help="JSON {url, auth_token, params or body, signature}; - for input.")
    ],
) -> None:
    """Whether a webhook's signature is right."""
    from gateway.inspecting_sms import inspect_signature

    if provider != "twilio":
        raise typer.BadParameter(f"{provider} is not twilio, the only one here", param_hint="PROVIDER")
    _each(files, inspect_signature)


@inspect_app.command(context_settings={"ignore_unknown_options": True})
def segments(
    text: Annotated[str, typer.Argument(help="What is to be sent; - for standard input.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, with bits and characters.")] = False,
) -> None:
    """How operators count a text: encoding, units and segments, and what forced UCS-2."""
    import orjson

    from gateway.inspecting_sms import inspect_segments

    told = inspect_segments(sys.stdin.read() if text == "-" else text)
    if as_json:
        typer.echo(orjson.dumps(told).decode())
        return
    reasons = ", ".join(f"{each} (U+{ord(each):04X})" for each in told["forced_by"])
    because = f", forced by {reasons}" if reasons else ""
    typer.echo(f"{told['encoding']}, {told['units']} units, {told['segments']} segments{because}")


@inspect_app.command()
def phone(
    numbers: Annotated[list[str], typer.Argument(help="Phone numbers, however they are written.")],
    region: Annotated[str | None, typer.Option(help="Country of numbers without a code, such as CN.")] = None,
) -> None:
    """Numbers in E.164, whether they can exist, what they are, where they belong and what time it may be there."""
    import orjson

    from gateway.inspecting_sms import inspect_phone

    for number in numbers:
        typer.echo(orjson.dumps(inspect_phone(number, region=region)).decode())


@inspect_app.command(context_settings={"ignore_unknown_options": True})
def optout(texts: Annotated[list[str], typer.Argument(help="Text messages.")]) -> None:
    """Whether a text message withdraws from what we send, grants it, or asks for help with it."""
    from gateway.inspecting_sms import inspect_optout

    for text in texts:
        typer.echo(inspect_optout(text))


@inspect_app.command()
def mailhook(
    provider: Annotated[str, typer.Argument(help="Whose webhook: mailgun, postmark, sendgrid, ses, …")],
    files: Annotated[list[Path], typer.Argument(help="Files with JSON {method, url, headers, body}; - for input.")],
) -> None:
    """Webhooks of mail providers: mail to us, and what became of ours; a JSON line for each file."""
    from channels.mail.providers import PROVIDERS
    from gateway.inspecting_mailhook import ALIASES, inspect_mailhook

    if ALIASES.get(provider, provider) not in PROVIDERS:
        raise typer.BadParameter(f"{provider} is none of {', '.join(PROVIDERS)}", param_hint="PROVIDER")
    _each(files, lambda raw: [inspect_mailhook(provider, raw)])


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
