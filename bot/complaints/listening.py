"""Listening: whoever complains may finish, and gets one answer to all of it."""

from __future__ import annotations

from datetime import timedelta

from bot.complaints import questions, record
from bot.complaints.facts import absorb_story, detect_tone, is_angry, kind_of
from bot.effects import HandOffReason, Ignore, OpenCase, PlanFollowUp, UpdateCase
from bot.heard import Heard
from bot.memory import Complaint
from bot.proof import order_numbers
from bot.skills import handoff
from bot.talk import Talk, quote
from bot.turn import CaseKind, FollowUpKind, Step


def listen(talk: Talk) -> None:
    heard = talk.heard
    talk.memory.withdrawn = None
    complaint = Complaint(
        case=talk.turn.fresh_number,
        step=Step.LISTEN.value,
        kind=kind_of(heard, talk.policy.confidence.maybe).value,
    )
    complaint.facts["kind"] = complaint.kind
    asked, talk.memory.order = talk.memory.order, None
    spoken_of = asked.number if asked is not None and asked.number else talk.memory.told
    if spoken_of and not order_numbers(talk, heard):
        complaint.facts["order"] = spoken_of
    absorb_story(talk, complaint, heard)
    complaint.heard = heard
    talk.memory.complaint = complaint
    talk.act(
        OpenCase(
            number=complaint.case,
            kind=CaseKind.COMPLAINT,
            subject=quote(heard.text, 80) or complaint.kind,
            step=Step.LISTEN,
            facts=dict(complaint.facts),
        )
    )
    _wait(talk)


def listen_on(talk: Talk, complaint: Complaint) -> None:
    complaint.heard = (complaint.heard or Heard()).and_then(talk.heard)
    absorb_story(talk, complaint, complaint.heard)
    talk.act(UpdateCase(number=complaint.case, facts=dict(complaint.facts)))
    _wait(talk)


def settle(talk: Talk) -> None:
    """The settle window is over: one answer to all that came, in the tone that the person needs."""
    complaint = talk.memory.complaint
    if complaint is None or complaint.step != Step.LISTEN:
        talk.act(Ignore(reason="nobody is being listened to any more"))
        return
    heard = complaint.heard or Heard()
    talk.heard, complaint.heard = heard, None
    absorb_story(talk, complaint, heard)
    talk.memory.tone = detect_tone(talk, heard) or talk.memory.tone
    if talk.memory.tone is not None:
        complaint.facts["tone"] = talk.memory.tone.value
    complaint.step = Step.RECORD.value
    if is_angry(talk, heard):
        talk.memory.angry += 1
    if talk.memory.angry >= talk.policy.angry_turns:
        handoff.hand_off(talk, HandOffReason.ANGER)
        return
    problem = record.look_up_order(talk, complaint)
    in_words = any(character.isalnum() for character in heard.text)
    heard_key = questions.toned(talk, "complaint.heard") if in_words else "complaint.heard"
    lead = talk.text(heard_key, number=complaint.case)
    record.go_on(talk, complaint, lead=f"{lead}\n{problem}" if problem else lead)


def _wait(talk: Talk) -> None:
    talk.act(
        PlanFollowUp(
            kind=FollowUpKind.LISTEN_SETTLED,
            key=f"listen:{talk.conversation.id}",
            due=talk.now + timedelta(seconds=talk.policy.times.settle_seconds),
            reason="listening",
            case=talk.memory.complaint.case if talk.memory.complaint is not None else None,
        )
    )
