"""The business's own assistant: what it is asked, and what it says, where it answers in place of our skills."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from bot.plain import Json
from channels.envelope import Attachment, Button, Event


class Trouble(StrEnum):
    """Why the assistant has not answered."""

    TIMEOUT = "timeout"  # no answer in time; it may have heard us
    UNREACHABLE = "unreachable"  # no connection, or it broke
    REFUSED = "refused"  # a status that is no success: a wrong token, no such channel, an error of the server
    NONSENSE = "nonsense"  # an answer that is none: a page, no JSON, JSON of another shape, somebody else's answer
    TOO_LARGE = "too_large"  # more bytes than we read
    EMPTY = "empty"  # it answered, and said nothing
    PAUSED = "paused"  # not asked, because it failed too often


@dataclass(frozen=True, kw_only=True, slots=True)
class Ask:
    """One message as the assistant shall get it."""

    interaction: int
    """Id of the Interaction that says it: the message's identity for whoever has to know a repeated one."""
    event: Event
    text: str
    """As it was written, or the payload of the button that was pressed, as the assistant gave it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """One message of the assistant's answer."""

    text: str = ""
    buttons: tuple[Button, ...] = ()
    """`value`: the payload, which comes back as it is when the button is pressed."""
    attachments: tuple[Attachment, ...] = ()
    """Pictures and files by their web address, which is the `id`."""
    custom: Mapping[str, Json] | None = None
    """What only the business's own page or app understands."""
    hands_over: bool = False
    """People shall take over."""
    reason: str = ""
    """Why they shall, in the assistant's words."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """All that the assistant said in a Turn, and what went wrong."""

    replies: tuple[Reply, ...] = ()
    trouble: Trouble | None = None
    """Of the last message that it was asked; after it nothing more was asked."""
    reason: str | None = None
    """The trouble in words, for operators and agents."""
    notes: tuple[str, ...] = ()
    """What of the answer was left out, and why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AssistantFacts:
    """That the business's own assistant answers, and what it answered."""

    answer: Answer | None = None
    """None in a Turn's first run: it was not asked yet."""
