"""Weighing: what a text will be on its channel, said while it is typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.playbook import Playbook
from channels.protocol import Channel, Limits, Weighs, Weight
from desk.refusals import Refused
from desk.writing import check_files, manner


@dataclass(frozen=True, kw_only=True, slots=True)
class Weighed:
    """What an agent wants to know before sending."""

    characters: int
    limit: int
    """Of one message; 0: no limit that anybody meets."""
    messages: int
    """How many it will be."""
    weight: Weight | None
    """Where each sign counts."""
    lost: Sequence[str]
    """What is emphasised in vain."""
    above: str
    below: str
    files: bool
    """Files can go along."""
    refused: Refused | None
    """Why the files of the draft cannot."""
    markup: bool
    """What is emphasised is shown."""


NOTHING = Limits(text=0, per_second=1, per_address=1)
"""A channel that is not configured any more carries nothing."""
LETTERS = 50_000
"""A limit that nobody meets by typing."""


def weighed(
    text: str,
    *,
    files: Sequence[Mapping[str, Any]],
    channel: Channel | None,
    address: str,
    name: str | None,
    language: str | None,
    by: str,
    playbook: Playbook,
) -> Weighed:
    """What this text to this address would be."""
    limits = NOTHING if channel is None else channel.limits
    said = manner(text, limits=limits, address=address, name=name, language=language, by=by, playbook=playbook)
    count = len(said.text) if text.strip() else 0
    limit = limits.text if limits.text < LETTERS else 0
    return Weighed(
        characters=count,
        limit=limit,
        messages=-(-count // limit) if limit else 1,
        weight=channel.weigh(said.text, address) if isinstance(channel, Weighs) and text.strip() else None,
        lost=sorted(said.lost),
        above=said.above if text.strip() else "",
        below=said.below if text.strip() else "",
        files=limits.file_bytes > 0,
        refused=_refused(files, limits),
        markup=limits.markup,
    )


def _refused(files: Sequence[Mapping[str, Any]], limits: Limits) -> Refused | None:
    try:
        check_files(files, limits)
    except Refused as refused:
        return refused
    return None
