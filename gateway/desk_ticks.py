"""The desk's own clock: what is done for agents when its time has come, whoever is at work."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from storage.commits import Transaction

EVERY: Mapping[Callable[[Transaction], object], int] = {}
"""Verbs by the seconds between two runs. Each is short (20 ms), claims its rows, and may run in any process."""
