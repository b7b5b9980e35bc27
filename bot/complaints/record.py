"""Step 2: record. Take what is told, ask for what is missing, look the order up; where all is known, it is judged."""

from __future__ import annotations

from bot.complaints import proposal, questions
from bot.complaints.facts import absorb, adds_to_story, correct, is_correction, missing, says_nothing_else, take_answer
from bot.effects import UpdateCase
from bot.memory import Complaint
from bot.proof import is_proven, proves, tries_to_prove
from bot.talk import Talk, quote
from bot.turn import CaseStatus, Json, LookupKind, Step

_SHORT = 8
"""Characters: so few after a pause only say that they are back."""


def record(talk: Talk, complaint: Complaint, *, resumed: bool = False) -> None:
    """Take the answer, and anything else that was told with it; then ask for what is still missing.

    `resumed`: these are the first words after a pause.
    """
    lead = questions.calm(talk)
    if lead is None:
        return
    if is_correction(talk, complaint, talk.heard):
        lead = _correct(talk, complaint)
        _do_not_count(complaint)
    elif talk.means("resume") or (resumed and len(talk.heard.text) <= _SHORT and not talk.heard.entities):
        lead = talk.text("complaint.resumed")
        _do_not_count(complaint)
    elif not _hear_answer(talk, complaint, angry=bool(lead)):
        lead = lead or _ask_otherwise(talk, complaint)
    if talk.heard.evidence and not lead:
        lead = talk.text("complaint.evidence")
    problem = look_up_order(talk, complaint)
    go_on(talk, complaint, lead="\n".join(part for part in (lead, problem) if part))


def go_on(talk: Talk, complaint: Complaint, *, lead: str) -> None:
    """Ask for the next fact, or judge where all is known."""
    complaint.asked = missing(talk, complaint) or ""
    if not complaint.asked:
        talk.act(UpdateCase(number=complaint.case, step=Step.RECORD, facts=dict(complaint.facts)))
        proposal.judge(talk, complaint, lead)
        return
    complaint.tries[complaint.asked] = complaint.tries.get(complaint.asked, 0) + 1
    talk.act(
        UpdateCase(number=complaint.case, step=Step.RECORD, facts=dict(complaint.facts), status=CaseStatus.WAITING)
    )
    questions.ask(talk, complaint, lead=lead)
    questions.expect_answer(talk, complaint)


def take_fact(talk: Talk, complaint: Complaint, field: str, value: Json) -> None:
    complaint.facts[field] = value
    complaint.answered = field
    go_on(talk, complaint, lead="")


def _hear_answer(talk: Talk, complaint: Complaint, *, angry: bool) -> bool:
    """False: what we asked for was not in it. Somebody who lets off steam has not answered, and need not have."""
    asked = complaint.asked
    new = absorb(talk, complaint, talk.heard)
    if not asked or (angry and asked not in new):
        _do_not_count(complaint)
        return True
    others = new - {asked, "evidence"}
    if others and asked not in new and (asked in {"order", "proof"} or says_nothing_else(talk.heard)):
        return True  # something else that we would have asked, and welcome
    if take_answer(talk, complaint, asked, talk.heard, new):
        complaint.answered = asked
        return True
    return False


def _do_not_count(complaint: Complaint) -> None:
    """The question is asked again, and not because it was not answered."""
    if complaint.asked in complaint.tries:
        complaint.tries[complaint.asked] -= 1


def _ask_otherwise(talk: Talk, complaint: Complaint) -> str:
    """What was asked for was not in it: take it for what it is, and say so."""
    if complaint.asked == "proof" and tries_to_prove(talk.heard):
        return _check_proof(talk, complaint)
    if complaint.asked in {"order", "proof"} and adds_to_story(talk, complaint, talk.heard):
        return talk.text("complaint.noted")
    complaint.tries[complaint.asked] = complaint.tries.get(complaint.asked, 0) + 1
    if complaint.asked == "proof":
        return _check_proof(talk, complaint)
    if talk.heard.evidence and not talk.heard.text:
        return talk.text("complaint.evidence")
    return talk.text("complaint.sorry_again")


def _correct(talk: Talk, complaint: Complaint) -> str:
    changed = correct(talk, complaint, talk.heard)
    if changed:
        told = ", ".join(talk.text(f"fact.{field}") for field in changed)
        return talk.text("complaint.corrected", facts=told)
    if complaint.answered in {"what", "used", "wish"} and len(talk.heard.text) > 6:
        complaint.facts[complaint.answered] = quote(talk.heard.text, 500)
        return talk.text("complaint.corrected", facts=talk.text(f"fact.{complaint.answered}"))
    return talk.text("complaint.correct_what")


def look_up_order(talk: Talk, complaint: Complaint) -> str:
    """What the business's system knows about the order. Returns what must be said about it, mostly nothing."""
    facts = complaint.facts
    number = facts.get("order")
    if not isinstance(number, str) or "proof" in facts:
        return ""
    result = talk.lookup(LookupKind.ORDER, number)
    order = next((order for order in result.orders if order.number.upper() == number.upper()), None)
    if result.failure is not None:
        facts["proof"] = "impossible"
        return talk.text("complaint.lookup_failed")
    if order is None:
        complaint.tries["unknown order"] = complaint.tries.get("unknown order", 0) + 1
        if complaint.tries["unknown order"] < talk.policy.proof_attempts:
            del facts["order"]
            return talk.text("order.unknown", number=number)
        facts["proof"] = "impossible"
        return talk.text("complaint.order_not_found", number=number)
    facts["order_date"] = order.date.astimezone(talk.playbook.hours.time_zone).date().isoformat()
    facts["order_amount"] = order.amount
    if order.items and "product" not in facts and len(order.items) == 1:
        facts["product"] = quote(order.items[0][0], 60)
    if is_proven(talk, order) or proves(order, talk.heard):
        facts["proof"] = "given"
    else:
        facts["proof"] = "needed" if order.phone_ending else "impossible"
    return ""


def _check_proof(talk: Talk, complaint: Complaint) -> str:
    facts = complaint.facts
    result = talk.lookup(LookupKind.ORDER, str(facts.get("order")))
    order = next(iter(result.orders), None)
    if order is not None and proves(order, talk.heard):
        facts["proof"] = "given"
        talk.memory.proven = [*talk.memory.proven, order.number][-5:]
        return talk.text("complaint.proof_thanks")
    if not tries_to_prove(talk.heard) or complaint.tries.get("proof", 0) >= talk.policy.proof_attempts:
        facts["proof"] = "failed"
        return ""
    return talk.text("order.wrong_proof", number=str(facts.get("order")))
