"""Step 2: record. Take what is told, ask for what is missing, look the order up; where all is known, it is judged."""

from __future__ import annotations

import re

from bot import why
from bot.complaints import proposal, questions
from bot.complaints.answers import (
    adds_to_story,
    does_not_know,
    says_nothing_else,
    take_answer,
    tells_day_again,
    tells_time,
)
from bot.complaints.facts import MOST_ASKED, absorb, correct, is_correction, missing, wish_in
from bot.effects import UpdateCase
from bot.memory import Complaint
from bot.policy import Tone
from bot.proof import is_proven, order_numbers, phone_proves, proves, tries_to_prove
from bot.talk import Talk, quote
from bot.turn import CaseStatus, Json, LookupKind, Step
from bot.words import WORDS

_FOUR_DIGITS = re.compile(r"\d{4}")
_SHORT = 8
"""Characters: so few after a pause only say that they are back."""


def record(talk: Talk, complaint: Complaint, *, resumed: bool = False) -> None:
    """Take the answer, and anything else that was told with it; then ask for what is still missing.

    `resumed`: these are the first words after a pause.
    """
    lead = questions.calm(talk)
    if lead is None:
        return
    complaint.tries.pop("back", None)
    proof, courtesy = _hear_proof(talk, complaint), ""
    if is_correction(talk, complaint, talk.heard):
        lead = _correct(talk, complaint)
        _do_not_count(complaint)
    elif _is_back(talk, complaint) or (resumed and len(talk.heard.text) <= _SHORT and not talk.heard.entities):
        lead = talk.text("complaint.resumed")
        _do_not_count(complaint)
    elif proof is not None:
        lead = proof
        _ = absorb(talk, complaint, talk.heard)
    elif (others := _take(talk, complaint, angry=bool(lead))) is None:
        lead, courtesy = lead or _take_otherwise(talk, complaint), _sorry(talk, complaint)
    else:
        courtesy = _courtesy(talk, complaint)
        lead = lead or ("" if complaint.answered == complaint.asked == "what" else questions.noted(talk, others))
    problem = look_up_order(talk, complaint)
    go_on(talk, complaint, lead="\n".join(part for part in (lead, problem) if part), courtesy=courtesy)


def go_on(talk: Talk, complaint: Complaint, *, lead: str, courtesy: str = "") -> None:
    """Ask for the next fact, or judge where all is known. `courtesy` is said before a question, if nothing else is."""
    complaint.asked = missing(talk, complaint) or ""
    if not complaint.asked:
        talk.act(UpdateCase(number=complaint.case, step=Step.RECORD, facts=dict(complaint.facts)))
        proposal.judge(talk, complaint, lead)
        return
    complaint.tries[complaint.asked] = complaint.tries.get(complaint.asked, 0) + 1
    talk.act(
        UpdateCase(number=complaint.case, step=Step.RECORD, facts=dict(complaint.facts), status=CaseStatus.WAITING)
    )
    questions.ask(talk, complaint, lead=lead or courtesy)
    questions.expect_answer(talk, complaint)


def take_order(talk: Talk, complaint: Complaint, number: str) -> None:
    """The order that was spoken of in between is the one."""
    complaint.facts["order"] = number
    go_on(talk, complaint, lead=look_up_order(talk, complaint) or talk.text("complaint.back"))


def take_fact(talk: Talk, complaint: Complaint, field: str, value: Json) -> None:
    complaint.facts[field] = value
    complaint.answered = field
    go_on(talk, complaint, lead="", courtesy=_courtesy(talk, complaint))


def _is_back(talk: Talk, complaint: Complaint) -> bool:
    """ "I'm back"; asked for a time, "just now" is one."""
    return talk.means("resume") and not (complaint.asked in {"happened", "bought"} and tells_time(talk.heard.text))


def _take(talk: Talk, complaint: Complaint, *, angry: bool) -> list[str] | None:
    """Take what is told. Returns what was told besides; None: neither the answer nor anything else that we would ask.

    `angry`: somebody who lets off steam has not answered, and need not have.
    """
    asked, heard = complaint.asked, talk.heard
    new = absorb(talk, complaint, heard)
    others = [field for field in new if f"fact.{field}" in WORDS and field not in {asked, "what"}]
    if not new and complaint.facts.get("order") in order_numbers(talk, heard):
        others = ["order"]
    if asked != "wish" and wish_in(heard, talk.policy.confidence.sure) is not None:
        others = list(dict.fromkeys([*others, "wish"]))  # told again, and heard again
    if not asked or (angry and asked not in new):
        _do_not_count(complaint)
        return others
    if asked not in new and others and (asked in {"order", "proof"} or says_nothing_else(heard)):
        return others
    if take_answer(talk, complaint, asked, heard, new):
        complaint.answered = asked
        return others
    return others or None


def _take_otherwise(talk: Talk, complaint: Complaint) -> str:
    """What was asked for was not in it: take it for what it is, and say so; empty where it is nothing to us."""
    if talk.heard.evidence:
        _do_not_count(complaint)
        return talk.text("complaint.evidence")
    if tells_day_again(talk, complaint, talk.heard):
        _do_not_count(complaint)
        return questions.noted(talk, ["happened"])
    if adds_to_story(talk, complaint, talk.heard):
        return talk.text("complaint.noted")
    if complaint.asked == "proof" and (
        talk.sure("deny") or does_not_know(talk.heard.text) or why.refuses(talk.heard.text)
    ):
        complaint.facts["proof"] = "failed"
        return talk.text("complaint.no_matter")
    return ""


def _sorry(talk: Talk, complaint: Complaint) -> str:
    """A yes to "how can we reach you" is plain enough; it only says nothing yet."""
    return "" if complaint.asked == "reach" and talk.means("affirm") else talk.text("complaint.sorry_again")


def _courtesy(talk: Talk, complaint: Complaint) -> str:
    """A word of thanks between two questions; the prepared want none."""
    if talk.memory.tone is Tone.PREPARED or complaint.answered != complaint.asked:
        return ""
    if complaint.answered == "what":
        return talk.text("complaint.sorry_to_hear")
    return talk.text("complaint.no_matter" if complaint.facts.get(complaint.asked) is None else "complaint.got_it")


def _do_not_count(complaint: Complaint) -> None:
    """The question is asked again, and not because it was not answered."""
    if complaint.tries.get(complaint.asked):
        complaint.tries[complaint.asked] -= 1


def _correct(talk: Talk, complaint: Complaint) -> str:
    changed = correct(talk, complaint, talk.heard)
    if changed:
        return talk.text("complaint.corrected", facts=questions.names(talk, changed))
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
            complaint.tries["order"] = MOST_ASKED - 1  # once more, because it was answered
            return talk.text("complaint.order_unknown", number=number)
        facts["proof"] = "impossible"
        return talk.text("complaint.order_not_found", number=number)
    facts["order_date"] = order.date.astimezone(talk.playbook.hours.time_zone).date().isoformat()
    facts["order_amount"] = order.amount
    if order.items and "product" not in facts and len(order.items) == 1:
        facts["product"] = talk.product(order.items[0][0])
    if is_proven(talk, order) or proves(order, talk.heard) or phone_proves(order, facts.get("reach")):
        facts["proof"] = "given"
    else:
        facts["proof"] = "needed" if order.phone_ending else "impossible"
    return ""


def _hear_proof(talk: Talk, complaint: Complaint) -> str | None:
    """Digits that show whose order it is, whenever they come; None: there are none. Guessing ends after a few tries."""
    facts = complaint.facts
    if facts.get("proof") == "given" and _FOUR_DIGITS.fullmatch(talk.heard.text):
        _do_not_count(complaint)  # they answer what we know by now
        return talk.text("complaint.proof_thanks")
    spent = complaint.tries.get("wrong proof", 0) >= talk.policy.proof_attempts
    if facts.get("proof") not in ("needed", "failed") or spent or not tries_to_prove(talk.heard):
        return None
    number = str(facts.get("order"))
    order = next(iter(talk.lookup(LookupKind.ORDER, number).orders), None)
    if order is not None and proves(order, talk.heard):
        facts["proof"] = "given"
        talk.memory.proven = [*talk.memory.proven, order.number][-5:]
        return talk.text("complaint.proof_thanks")
    complaint.tries["wrong proof"] = complaint.tries.get("wrong proof", 0) + 1
    failed = complaint.tries["wrong proof"] >= talk.policy.proof_attempts
    if failed:
        facts["proof"] = "failed"
    if complaint.asked != "proof":
        return None  # a phone number to be reached at need not be the buyer's
    return talk.text("complaint.proof_failed") if failed else talk.text("complaint.proof_wrong", number=number)
