"""Facts: what is stored of a person and a Conversation, as the engine sees it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bot.turn import (
    CaseFacts,
    CaseKind,
    CaseStatus,
    ChannelFacts,
    ContactFacts,
    ConversationFacts,
    FollowUpDue,
    FollowUpKind,
    Message,
    Owner,
    Promise,
    Step,
    Turn,
)
from gateway.claims import Claim, Due
from gateway.envelopes import EVENTS, attachments_from_json, matter
from nlu.understanding import Language, Understanding
from storage import cases
from storage.standing import Waiting


def turn_of(claim: Claim, understandings: Sequence[Understanding], *, channel: ChannelFacts, now: datetime) -> Turn:
    """The Turn that a Claim is; `understandings`: one a message. Raises where what is stored cannot be read."""
    talk = claim.talk
    return Turn(
        now=now,
        seed=claim.through if claim.due is None else claim.due.id,
        fresh_number=f"C-{cases.FIRST + claim.through}",
        channel=channel,
        contact=_contact(claim),
        conversation=ConversationFacts(
            id=talk.id,
            owner=Owner(talk.owner),
            epoch=talk.epoch,
            opened_at=talk.opened_at,
            memory=talk.memory,
            first=not talk.memory,
            returning=claim.person.returning,
        ),
        messages=tuple(
            _message(row, understanding, claim.answered)
            for row, understanding in zip(claim.messages, understandings, strict=True)
        ),
        due=None if claim.due is None else _due(claim.due),
        cases=tuple(_case(row) for row in claim.cases),
    )


def _contact(claim: Claim) -> ContactFacts:
    person = claim.person
    return ContactFacts(
        id=claim.contact,
        name=person.name,
        language=Language(person.language) if person.language else None,
        time_zone=person.time_zone,
        tier=person.tier,
        proven=person.proven_at is not None,
        addresses=tuple(claim.addresses),
        marketing=person.consent,
        stopped=person.consent is False,
        blocked=person.blocked_at is not None,
    )


def _message(row: Waiting, understanding: Understanding, answered: Mapping[tuple[int, str], str]) -> Message:
    content = row.content
    named: Mapping[str, bool] = content.get("cases", {})
    return Message(
        interaction=row.id,
        event=EVENTS[row.kind],
        text=matter(row.text, content),
        sent_at=row.at,
        understanding=understanding,
        attachments=attachments_from_json(content),
        start_parameter=content.get("start_parameter"),
        reply_to_text=answered.get((row.contact_id, row.reply_to)) if row.reply_to is not None else None,
        hint=hinted(content.get("language")),
        cases=tuple(number for number, ours in named.items() if ours),
        unproven_cases=tuple(number for number, ours in named.items() if not ours),
    )


def hinted(tag: str | None) -> Language | None:
    """One of our languages from what a provider says: a BCP 47 tag, or a browser's list of them, the best first."""
    subtags = re.split(r"[,;]", tag or "")[0].strip().casefold().replace("_", "-").split("-")
    match subtags:
        case ["en", *_]:
            return Language.EN
        case ["zh", *rest]:
            traditional = "hant" in rest or ("hans" not in rest and not {"tw", "hk", "mo"}.isdisjoint(rest))
            return Language.ZH_HANT if traditional else Language.ZH_HANS
        case _:
            return None


def _due(row: Due) -> FollowUpDue:
    return FollowUpDue(
        id=row.id,
        kind=FollowUpKind(row.kind),
        key=row.key,
        reason=row.reason,
        case=row.case_number,
        details=row.details,
    )


def _case(row: Any) -> CaseFacts:
    return CaseFacts(
        number=row.number,
        kind=CaseKind(row.kind),
        status=CaseStatus(row.status),
        step=None if row.step is None else Step(row.step),
        subject=row.subject,
        facts=row.facts,
        opened_at=row.opened_at,
        owner=row.owner,
        founded=row.founded,
        proposal=row.proposal,
        promises=tuple(
            Promise(
                id=promise["id"],
                text=promise["text"],
                due=datetime.fromisoformat(promise["due"]),
                kept=promise["kept"],
            )
            for promise in row.promises
        ),
        survey_asked=row.survey_asked,
        score=row.score,
    )
