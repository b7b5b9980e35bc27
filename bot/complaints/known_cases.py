"""Cases that are known already: more about them, how they stand, and those that somebody names."""

from __future__ import annotations

from bot.complaints import questions
from bot.complaints.facts import FEELINGS, KINDS
from bot.effects import OpenCase, UpdateCase
from bot.memory import Complaint
from bot.proof import order_numbers
from bot.skills import handoff
from bot.talk import Talk, quote
from bot.turn import CaseFacts, CaseKind, CaseStatus

_ABOUT_A_PROMISE = frozenset({*KINDS, *FEELINGS, "order_status", "refund_request"}) - {"abuse"}
_FEW_WORDS = 40
"""Characters."""
_NAMED = "names_case"
"""Fact of a case that was opened because another one was named."""


def known_case(talk: Talk) -> str | None:
    """The complaint this is about, if it is being followed up already and this is no new matter."""
    memory = talk.memory.complaint
    for case in talk.turn.cases:
        ours = talk.turn.contact.proven or (memory is not None and memory.case == case.number)
        if ours and _is_on_its_way(case):
            other_order = {value.upper() for value in talk.heard.values("order_number")} - {
                str(case.facts.get("order"))
            }
            return None if other_order else case.number
    return None


def add_to(talk: Talk, number: str) -> None:
    """More about a known case: added to it, with the promise that stands, and a person if they are angry by now."""
    case = talk.case(number)
    talk.act(UpdateCase(number=number, note=quote(talk.heard.text, 500) or None, status=CaseStatus.OPEN))
    if questions.calm(talk) is None:
        return
    promise = next((promise for promise in case.promises if not promise.kept), None) if case is not None else None
    if promise is None:
        handoff.offer_person(talk, "complaint.added", number=number)
    else:
        handoff.offer_person(
            talk, "complaint.added_promise", number=number, promise=promise.text, due=talk.moment(promise.due)
        )


def asks_for_news(talk: Talk, complaint: Complaint) -> bool:
    """A few words about what was promised, and no other order: that it stands, and by when."""
    case, about = talk.case(complaint.case), talk.heard.intents
    pending = case is not None and any(not promise.kept for promise in case.promises)
    if not pending or len(talk.heard.text) > _FEW_WORDS or order_numbers(talk, talk.heard):
        return False
    sure = talk.policy.confidence.sure
    if sum(intent.confidence for intent in about if intent.name in _ABOUT_A_PROMISE) < sure:
        return False
    add_to(talk, complaint.case)
    return True


def speak_of(talk: Talk, number: str) -> bool:
    """They name a case of theirs: more about it, or a question how it stands. False: it is no complaint on its way."""
    case = talk.case(number)
    if case is None or not _is_on_its_way(case):
        return False
    add_to(talk, number)
    return True


def speak_of_unproven(talk: Talk, number: str) -> None:
    """They name a case that may be somebody else's: a person finds out."""
    talk.say("complaint.unproven_case", number=number)


def suggest(talk: Talk, number: str) -> None:
    """What names a case that is not proven to be theirs becomes a case of its own, and agents are told which it may be.

    Another word on the same adds to that.
    """
    mine = next((effect.number for effect in talk.effects if isinstance(effect, OpenCase)), None)
    known = (case.number for case in talk.turn.cases if case.facts.get(_NAMED) == number)
    mine = mine or next(known, None)
    if mine is None:
        mine = talk.turn.fresh_number
        subject = quote(talk.turn.messages[-1].text, 80) or number
        talk.act(OpenCase(number=mine, kind=CaseKind.REQUEST, subject=subject, facts={_NAMED: number}))
    words = quote("\n".join(message.text for message in talk.turn.messages), 500)
    suggestion = talk.staff_text("summary.unproven_case", number=number)
    talk.act(UpdateCase(number=mine, note=f"{suggestion}\n{words}"))


def _is_on_its_way(case: CaseFacts) -> bool:
    return case.kind is CaseKind.COMPLAINT and case.status in {CaseStatus.OPEN, CaseStatus.WAITING}
