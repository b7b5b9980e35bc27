"""The command line: `rapport …`. One file a family of commands; heavy imports wait until a command runs."""

from __future__ import annotations

from gateway.cli import (
    backup,
    chat,
    checking,
    demo,
    desk,
    importing,
    inspecting,
    nlu,
    rasa,
    replaying,
    reviewing,
    running,
    understanding,
)
from gateway.cli.app import app, err
from gateway.cli.failures import explain

__all__ = [
    "backup",
    "chat",
    "checking",
    "demo",
    "desk",
    "importing",
    "inspecting",
    "nlu",
    "rasa",
    "replaying",
    "reviewing",
    "running",
    "understanding",
]


def main() -> None:
    """Entry point of the `rapport` command."""
    try:
        app()
    except Exception as error:
        sentences = explain(error)
        if not sentences:
            raise
        for sentence in sentences:
            err.print(sentence, style="red", highlight=False, markup=False, soft_wrap=True)
        raise SystemExit(1) from None
