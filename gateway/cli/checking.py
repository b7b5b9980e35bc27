"""`rapport check`: every mistake in one sentence."""

from __future__ import annotations

import typer

from gateway.cli.app import app


@app.command()
def check(context: typer.Context) -> None:
    """Name every mistake in settings and playbook, and try the connections that can be tried."""
    import asyncio

    from rich.console import Console

    from gateway import logs
    from gateway import settings as settings_module
    from gateway.check import Level, of_mistakes
    from gateway.check import check as look
    from gateway.settings import Logs, SettingsMistakes

    logs.configure(Logs(level="error"))
    path, overrides = context.obj
    try:
        findings = asyncio.run(look(settings_module.load(path, overrides)))
    except SettingsMistakes as mistakes:
        findings = of_mistakes(mistakes)
    console = Console(soft_wrap=True)
    styles = {Level.FINE: ("✓", "green"), Level.NOTE: ("·", "yellow"), Level.MISTAKE: ("✗", "red")}
    for finding in findings:
        mark, style = styles[finding.level]
        console.print(f"{mark} {finding.sentence}", style=style, highlight=False, markup=False)
    if any(finding.level is Level.MISTAKE for finding in findings):
        raise typer.Exit(1)
