"""Hand-off: people take over, with a summary, and the customer is told when."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from bot.effects import CancelFollowUps, HandOff, HandOffReason, OpenCase, PlanFollowUp, UpdateCase
from bot.heard import Heard
from bot.memory import Option
from bot.policy import Tone
from bot.skill import Skill
from bot.talk import Talk, quote
from bot.turn import CaseKind, CaseStatus, FollowUpKind, Json, Step
from bot.words import WORDS

URGENT = frozenset({HandOffReason.LEGAL, HandOffReason.PROMISE_BROKEN, HandOffReason.BAD_SCORE, HandOffReason.ANGER})
_DECLINES: Final = re.compile(
    r"(?:不|别|別|勿|[无無没沒](?:需|必|有))[^\s，。！？、,.!?]{0,3}$"
    r"|(?:\bnot|n['’]t|\bnever|\bwithout|\bno need)\b[^,.!?]{0,20}$",
    re.IGNORECASE,
)
"""Before the words that ask for a person: they are not asked for."""
_SOMETHING_ELSE: Final = re.compile(r"智能|智慧|[费費]|成本")
"""What makes artificial intelligence or the cost of labour of `人工`, the Chinese for a person who serves."""


def answer(talk: Talk) -> None:
    """The customer asked for a person, or said something that only a person may answer."""
    if legal(talk):
        _keep_as_case(talk)
        hand_off(talk, HandOffReason.LEGAL)
    else:
        hand_off(talk, HandOffReason.REQUESTED)


def chosen(talk: Talk, option: Option) -> None:
    match option.does:
        case "person":
            hand_off(talk, HandOffReason.REQUESTED)
        case _:
            talk.say("small.resume")


def legal(talk: Talk) -> bool:
    """Lawyers, courts, regulators or the press were named."""
    return talk.sure("legal_threat") or talk.policy.legal.search(talk.heard.text) is not None


def asked(talk: Talk, heard: Heard) -> bool:
    """A person is asked for, be it in the midst of something else."""
    intent = heard.intent
    if intent is not None and intent.name == "human_request" and intent.confidence >= talk.policy.confidence.sure:
        return True
    return any(
        _DECLINES.search(heard.text[: found.start()]) is None and not _SOMETHING_ELSE.match(heard.text, found.end())
        for found in talk.policy.person.finditer(heard.text)
    )


def hand_off(talk: Talk, reason: HandOffReason, *, lead: str = "", note: str = "") -> None:
    """Tell the customer who takes over and when, and pass the Conversation on.

    `lead` is said instead of the usual word for `reason`; `note` goes into the summary.
    """
    opening = None if _open_now(talk) else _next_opening(talk)
    _keep_facts(talk)
    talk.say_text(f"{lead or talk.text(f'handoff.{reason.value}')}\n{_when(talk, opening)}")
    talk.act(HandOff(reason=reason, summary=summary(talk, note), priority=1 if reason in URGENT else 2))
    if opening is not None:
        talk.act(
            PlanFollowUp(
                kind=FollowUpKind.CALL_BACK,
                key=f"call_back:{talk.conversation.id}",
                due=opening,
                reason=talk.staff_text("summary.call_back"),
                case=_case_number(talk),
            )
        )
    _let_go(talk)


def summary(talk: Talk, note: str = "") -> str:
    """For the agent, in the staff's language: who, what, facts so far, mood, what was promised."""
    contact, memory = talk.turn.contact, talk.memory
    lines = [
        talk.staff_text(
            "summary.who",
            name=talk.name or "?",
            tier=contact.tier,
            channel=talk.turn.channel.name,
            language=talk.language.value,
        )
    ]
    if words := quote(talk.heard.text, 300):
        lines.append(talk.staff_text("summary.said", words=words))
    case = talk.case(_case_number(talk)) or talk.open_case()
    facts: dict[str, Json] = dict(case.facts) if case is not None else {}
    if memory.complaint is not None:
        facts.update(memory.complaint.facts)
    number = memory.complaint.case if memory.complaint is not None else case.number if case is not None else ""
    if number:
        lines.append(talk.staff_text("summary.case", number=number))
    told = "; ".join(
        f"{talk.staff_text(f'fact.{key}')}: {_fact(talk, key, value)}"
        for key, value in facts.items()
        if f"fact.{key}" in WORDS and value is not None
    )
    if told:
        lines.append(talk.staff_text("summary.facts", facts=told))
    if memory.tone is not None:
        lines.append(talk.staff_text("summary.mood", mood=_mood(talk, memory.tone)))
    zone = talk.playbook.hours.time_zone  # of those who read it
    lines.extend(
        talk.staff_text("summary.promised", promise=promise.text, due=f"{promise.due.astimezone(zone):%Y-%m-%d %H:%M}")
        for promise in (case.promises if case is not None else ())
        if not promise.kept
    )
    if note:
        lines.append(note)
    return "\n".join(lines)


def offer_person(talk: Talk, key: str, **values: str) -> None:
    """Say it, with a button to a person."""
    person = Option(talk.text("button.person"), SKILL.name, "person")
    stay = Option(talk.text("button.stay"), SKILL.name, "stay")
    talk.ask(talk.text(key, **values), (person, stay))


def _fact(talk: Talk, key: str, value: Json) -> str:
    named = f"wish.{value}"
    return talk.staff_text(named) if key == "wish" and named in WORDS else quote(str(value), 200)


def _mood(talk: Talk, tone: Tone) -> str:
    return talk.staff_text(f"summary.{tone.value}")


def _open_now(talk: Talk) -> bool:
    return talk.playbook.hours.open_at(talk.now)


def _next_opening(talk: Talk) -> datetime | None:
    return talk.playbook.hours.next_opening(talk.now)


def _when(talk: Talk, opening: datetime | None) -> str:
    if opening is not None:
        return talk.text("handoff.when_open", time=talk.moment(opening))
    return talk.text("handoff.now" if _open_now(talk) else "handoff.as_soon_as_open")


def _case_number(talk: Talk) -> str | None:
    return talk.memory.complaint.case if talk.memory.complaint is not None else None


def _keep_facts(talk: Talk) -> None:
    """A complaint goes to the agent with all that was told, and its questions end."""
    complaint = talk.memory.complaint
    if complaint is not None and complaint.step != Step.FOLLOW_UP:
        step = None if complaint.step == Step.PROPOSE else Step.RECORD
        facts = dict(complaint.facts)
        talk.act(UpdateCase(number=complaint.case, step=step, status=CaseStatus.OPEN, facts=facts))
        for prefix in ("form", "listen"):
            talk.act(CancelFollowUps(prefix=f"{prefix}:{talk.conversation.id}"))


def _keep_as_case(talk: Talk) -> None:
    """A legal threat is kept as a complaint, so that nothing about it is lost whoever takes it."""
    if talk.memory.complaint is None and talk.open_case() is None:
        words = quote(talk.heard.text, 200)
        talk.act(
            OpenCase(
                number=talk.turn.fresh_number,
                kind=CaseKind.COMPLAINT,
                subject=quote(words, 80) or talk.staff_text("summary.legal"),
                step=Step.RECORD,
                facts={"what": words},
                priority=1,
            )
        )


def _let_go(talk: Talk) -> None:
    """What the bot was asking about is the person's now."""
    memory = talk.memory
    memory.complaint = memory.order = memory.choice = None
    memory.misunderstood = memory.angry = 0
    memory.knowledge = []


SKILL = Skill(name="handoff", answer=answer, intents=frozenset({"human_request", "legal_threat"}), chosen=chosen)
