"""The command line: `rapport …`. One file a family of commands; heavy imports wait until a command runs."""

from __future__ import annotations

from gateway.cli import backup, chat, checking, demo, desk, importing, inspecting, replaying, running
from gateway.cli.app import app

__all__ = ["backup", "chat", "checking", "demo", "desk", "importing", "inspecting", "replaying", "running"]


def main() -> None:
    """Entry point of the `rapport` command."""
    app()
