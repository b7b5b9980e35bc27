"""Turns as the gateway would make them, for tests: what is understood is given, not guessed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from bot.playbook import Playbook, load
from bot.turn import (
    CaseFacts,
    ChannelFacts,
    ContactFacts,
    ConversationFacts,
    FollowUpDue,
    Json,
    LookupResult,
    Message,
    Owner,
    Turn,
)
from channels.envelope import Attachment, Event
from nlu.understanding import Candidate, Entity, Intent, Language, Part, Understanding

PLAYBOOK = Path(__file__).parents[2] / "playbook"
NOON = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
"""A Wednesday, noon in Shanghai: the demo shop is open."""
NIGHT = datetime(2026, 11, 25, 18, 0, tzinfo=UTC)
"""Two in the night in Shanghai: it is closed until nine."""

WEBCHAT = ChannelFacts(name="webchat", scheme="webchat", buttons=10)
TELEGRAM = ChannelFacts(name="telegram", scheme="telegram", buttons=8)
SMS = ChannelFacts(name="sms", scheme="tel", buttons=0, text_limit=1600)
MAIL = ChannelFacts(name="support", scheme="mailto", buttons=0)


def shop_files() -> dict[str, str]:
    """The demo shop's playbook as the gateway would read it."""
    return {
        path.relative_to(PLAYBOOK).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(PLAYBOOK.rglob("*"))
        if path.is_file()
    }


@cache
def shop() -> Playbook:
    return load(shop_files())


def understood(
    *intents: str | tuple[str, float],
    language: Language | None = Language.EN,
    entities: Mapping[str, str] | Sequence[tuple[str, str]] = (),
    knowledge: Sequence[tuple[str, float]] = (),
    beyond: bool = False,
    parts: Sequence[tuple[str, Understanding]] = (),
) -> Understanding:
    pairs = entities.items() if isinstance(entities, Mapping) else entities
    return Understanding(
        language=language,
        intents=tuple(
            Intent(name=name, confidence=confidence)
            for name, confidence in ((intent, 0.9) if isinstance(intent, str) else intent for intent in intents)
        ),
        entities=tuple(Entity(kind=kind, value=value, text=value, start=0, end=len(value)) for kind, value in pairs),
        knowledge=tuple(Candidate(entry=entry, score=score) for entry, score in knowledge),
        out_of_scope=beyond,
        parts=tuple(Part(text=text, understanding=meaning) for text, meaning in parts),
        engine="given",
    )


def message(
    text: str,
    meaning: Understanding | None = None,
    *,
    event: Event = Event.MESSAGE,
    attachments: tuple[Attachment, ...] = (),
    start_parameter: str | None = None,
    interaction: int = 1,
) -> Message:
    return Message(
        interaction=interaction,
        event=event,
        text=text,
        sent_at=NOON,
        understanding=meaning or Understanding(language=None),
        attachments=attachments,
        start_parameter=start_parameter,
    )


def turn(
    *messages: Message,
    now: datetime = NOON,
    seed: int = 0,
    channel: ChannelFacts = WEBCHAT,
    contact: ContactFacts | None = None,
    memory: Mapping[str, Json] | None = None,
    first: bool = False,
    returning: bool = False,
    owner: Owner = Owner.BOT,
    due: FollowUpDue | None = None,
    cases: tuple[CaseFacts, ...] = (),
    lookups: tuple[LookupResult, ...] = (),
) -> Turn:
    return Turn(
        now=now,
        seed=seed,
        fresh_number="C-1042",
        channel=channel,
        contact=contact or ContactFacts(id=7),
        conversation=ConversationFacts(
            id=3, owner=owner, epoch=1, opened_at=NOON, memory=memory or {}, first=first, returning=returning
        ),
        messages=messages,
        due=due,
        cases=cases,
        lookups=lookups,
    )
