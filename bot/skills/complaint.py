"""Complaints in four steps: listen, record, propose, follow up (design, section 7)."""

from __future__ import annotations

import re
from datetime import timedelta

from bot import judgement, promises
from bot.complaint_facts import (
    KINDS,
    absorb,
    absorb_story,
    correct,
    detect_tone,
    is_correction,
    kind_of,
    missing,
    says_nothing_else,
    take_answer,
)
from bot.effects import CancelFollowUps, HandOffReason, Ignore, OpenCase, PlanFollowUp, UpdateCase
from bot.heard import SOCIAL, Heard
from bot.judgement import Offer
from bot.memory import Complaint, Option
from bot.policy import OfferKind, Tone
from bot.proof import is_proven, proves, tries_to_prove
from bot.skill import Skill
from bot.skills import handoff
from bot.talk import Talk, quote
from bot.turn import CaseKind, CaseStatus, FollowUpKind, Json, LookupKind, Step

_CANCEL = re.compile(r"(?:cancel|取消|算了|不用了|不投诉了|不投訴了|never ?mind|forget it)[.!。！]?", re.IGNORECASE)
_QUESTION = re.compile(
    r"[?？]|吗|嗎|怎么|怎麼|如何|多久|什么时候|什麼時候|几点|幾點|哪里|哪裡|哪儿|多少"
    r"|^(?:how|what|when|where|which|who|can|could|do|does|is|are)\b",
    re.IGNORECASE,
)
_IN_BETWEEN = frozenset(
    {
        "bot_identity",
        "help",
        "smalltalk_wellbeing",
        "opening_hours",
        "order_status",
        "privacy_request",
        "account_problem",
    }
    | {"shipping_question", "payment_question", "invoice_request", "product_question", "price_question"}
    | {"stock_question", "discount_question", "warranty_question", "membership_points"}
)
"""What somebody may ask in the middle of a complaint, to be answered before we go on."""


# Step 1: listen


def answer(talk: Talk) -> None:
    """Open the case at the first word, and wait until the person has finished: they get one answer to everything."""
    known = _known_case(talk)
    if known is not None:
        _add_to(talk, known)
        return
    heard = talk.heard
    complaint = Complaint(
        case=talk.turn.fresh_number,
        step=Step.LISTEN.value,
        kind=kind_of(heard, talk.policy.confidence.maybe).value,
    )
    complaint.facts["kind"] = complaint.kind
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
    if talk.sure("anger", "abuse"):
        talk.memory.angry += 1
    if talk.memory.angry >= talk.policy.angry_turns:
        handoff.hand_off(talk, HandOffReason.ANGER)
        return
    problem = _look_up_order(talk, complaint)
    lead = talk.text(_toned(talk, "complaint.heard"), number=complaint.case)
    _go_on(talk, complaint, lead=f"{lead}\n{problem}" if problem else lead)


def _listen_on(talk: Talk, complaint: Complaint) -> None:
    complaint.heard = (complaint.heard or Heard()).and_then(talk.heard)
    absorb_story(talk, complaint, complaint.heard)
    talk.act(UpdateCase(number=complaint.case, facts=dict(complaint.facts)))
    _wait(talk)


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


# Step 2: record


def goes_on(talk: Talk) -> bool:
    complaint = talk.memory.complaint
    if complaint is None or complaint.step == Step.FOLLOW_UP:
        return False
    if complaint.step == Step.LISTEN and not _gives_up(talk):
        _listen_on(talk, complaint)
        return True
    if _gives_up(talk):
        _cancel(talk, complaint)
        return True
    if talk.sure("pause") and _is_main(talk, "pause"):
        _pause(talk, complaint)
        return True
    if _is_something_else(talk, complaint):
        return False
    complaint.paused = False
    if complaint.step == Step.PROPOSE and is_correction(talk, complaint, talk.heard):
        complaint.step, complaint.offered = Step.RECORD.value, []  # with other facts, it is judged again
    if complaint.step == Step.PROPOSE:
        _hear_about_proposal(talk, complaint)
    else:
        _record(talk, complaint)
    return True


def is_waiting(talk: Talk) -> bool:
    """A question of ours about a complaint is open."""
    complaint = talk.memory.complaint
    if complaint is None or complaint.paused:
        return False
    return complaint.step == Step.PROPOSE or (complaint.step == Step.RECORD and bool(complaint.asked))


def go_back(talk: Talk) -> None:
    """After something in between: gently back to the open question."""
    complaint = talk.memory.complaint
    if complaint is not None:
        _ask(talk, complaint, lead=talk.text("complaint.back"))


def _record(talk: Talk, complaint: Complaint) -> None:
    """Take the answer, and anything else that was told with it; then ask for what is still missing."""
    lead = _calm(talk)
    if lead is None:
        return
    asked_before = complaint.tries.pop(complaint.asked, 0)
    if is_correction(talk, complaint, talk.heard):
        lead = _correct(talk, complaint)
    elif talk.sure("resume") and _is_main(talk, "resume"):
        lead = talk.text("complaint.resumed")
    elif not _hear_answer(talk, complaint, angry=bool(lead)):
        complaint.tries[complaint.asked] = asked_before
        lead = _ask_otherwise(talk, complaint)
    if talk.heard.evidence and not lead:
        lead = talk.text("complaint.evidence")
    problem = _look_up_order(talk, complaint)
    _go_on(talk, complaint, lead="\n".join(part for part in (lead, problem) if part))


def _hear_answer(talk: Talk, complaint: Complaint, *, angry: bool) -> bool:
    """False: what we asked for was not in it. Somebody who lets off steam has not answered, and need not have."""
    asked = complaint.asked
    new = absorb(talk, complaint, talk.heard)
    if not asked or (angry and asked not in new):
        return True
    others = new - {asked, "evidence"}
    if others and asked not in new and (asked in {"order", "proof"} or says_nothing_else(talk.heard)):
        return True  # something else that we would have asked, and welcome
    if take_answer(talk, complaint, asked, talk.heard, new):
        complaint.answered = asked
        return True
    return False


def _ask_otherwise(talk: Talk, complaint: Complaint) -> str:
    if complaint.asked == "proof":
        return _check_proof(talk, complaint)
    if talk.heard.evidence and not talk.heard.text:
        return talk.text("complaint.evidence")
    return talk.text("complaint.sorry_again")


def _go_on(talk: Talk, complaint: Complaint, *, lead: str) -> None:
    """Ask for the next fact, or judge where all is known."""
    complaint.asked = missing(talk, complaint) or ""
    if not complaint.asked:
        talk.act(UpdateCase(number=complaint.case, step=Step.RECORD, facts=dict(complaint.facts)))
        _judge(talk, complaint, lead)
        return
    complaint.tries[complaint.asked] = complaint.tries.get(complaint.asked, 0) + 1
    talk.act(
        UpdateCase(number=complaint.case, step=Step.RECORD, facts=dict(complaint.facts), status=CaseStatus.WAITING)
    )
    _ask(talk, complaint, lead=lead)
    _expect_answer(talk, complaint)


def _ask(talk: Talk, complaint: Complaint, *, lead: str = "") -> None:
    talk.skill, talk.aside = SKILL.name, False
    if complaint.step == Step.PROPOSE:
        offer = _words_for(talk, complaint, _offer(complaint))
        text, options = talk.text("complaint.proposal_open", offer=offer), _proposal_options(talk)
    else:
        text = talk.text(f"complaint.ask_{complaint.asked}", example=talk.policy.order_example)
        options = _options_for(talk, complaint.asked)
    talk.ask(f"{lead}\n{text}" if lead else text, options, shortcuts=complaint.asked in {"order", "reach"})


def _options_for(talk: Talk, field: str) -> tuple[Option, ...]:
    match field:
        case "wish":
            return tuple(
                Option(talk.text(f"wish.{wish}"), SKILL.name, "wish", wish)
                for wish in ("refund", "replacement", "apology", "other")
            )
        case "order":
            return (Option(talk.text("button.no_order"), SKILL.name, "unknown", "order"),)
        case "reach":
            return (Option(talk.text("button.here"), SKILL.name, "here"),)
        case _:
            return ()


def _expect_answer(talk: Talk, complaint: Complaint) -> None:
    complaint.reminded = False
    _plan_silence(talk, complaint, timedelta(minutes=talk.policy.times.form_silence_minutes))


def _plan_silence(talk: Talk, complaint: Complaint, span: timedelta) -> None:
    talk.act(
        PlanFollowUp(
            kind=FollowUpKind.FORM_SILENCE,
            key=f"form:{talk.conversation.id}",
            due=talk.now + span,
            reason=f"no answer about {complaint.asked or 'the proposal'}",
            case=complaint.case,
        )
    )


def silence(talk: Talk) -> None:
    """One gentle reminder; then a person goes on with what is known."""
    complaint = talk.memory.complaint
    if complaint is None or complaint.step not in {Step.RECORD, Step.PROPOSE}:
        talk.act(Ignore(reason="no question is open any more"))
    elif complaint.reminded:
        handoff.hand_off(talk, HandOffReason.POLICY, lead=talk.text("complaint.silent", number=complaint.case))
    else:
        complaint.paused = False
        _ask(talk, complaint, lead=talk.text("complaint.reminder"))
        _expect_answer(talk, complaint)
        complaint.reminded = True


def _calm(talk: Talk) -> str | None:
    """A calm word for an angry line; None: it is the last one that we take, and a person has taken over."""
    if not talk.sure("anger", "abuse"):
        return ""
    talk.memory.angry += 1
    talk.memory.tone = talk.memory.tone or Tone.EMOTIONAL
    if talk.memory.angry >= talk.policy.angry_turns:
        handoff.hand_off(talk, HandOffReason.ANGER)
        return None
    return talk.text("complaint.calm")


def _correct(talk: Talk, complaint: Complaint) -> str:
    changed = correct(talk, complaint, talk.heard)
    if changed:
        told = ", ".join(talk.text(f"fact.{field}") for field in changed)
        return talk.text("complaint.corrected", facts=told)
    if complaint.answered in {"what", "used", "wish"} and len(talk.heard.text) > 6:
        complaint.facts[complaint.answered] = quote(talk.heard.text, 500)
        return talk.text("complaint.corrected", facts=talk.text(f"fact.{complaint.answered}"))
    return talk.text("complaint.correct_what")


def _look_up_order(talk: Talk, complaint: Complaint) -> str:
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


# Step 3: propose


def _judge(talk: Talk, complaint: Complaint, lead: str) -> None:
    reason = judgement.who_decides(talk, complaint)
    offer = None if reason is not None else judgement.next_offer(talk, complaint)
    if reason is None:
        talk.act(UpdateCase(number=complaint.case, founded=True))
    if offer is None:
        _leave_to_people(talk, complaint, reason or HandOffReason.POLICY, lead)
    else:
        _propose(talk, complaint, offer, lead)


def _propose(talk: Talk, complaint: Complaint, offer: Offer, lead: str) -> None:
    second = bool(complaint.offered)
    complaint.step, complaint.asked = Step.PROPOSE.value, ""
    complaint.offered.append(offer.kind.value)
    complaint.facts["offer"] = offer.kind.value
    complaint.facts["offer_amount"] = offer.amount
    proposal: dict[str, Json] = {"kind": offer.kind.value, "amount": offer.amount, "state": "offered"}
    talk.act(
        UpdateCase(
            number=complaint.case,
            step=Step.PROPOSE,
            status=CaseStatus.WAITING,
            facts=dict(complaint.facts),
            proposal=proposal,
        )
    )
    key = "complaint.propose_second" if second else _toned(talk, "complaint.propose")
    text = talk.text(key, offer=_words_for(talk, complaint, offer))
    talk.skill, talk.aside = SKILL.name, False
    talk.ask(f"{lead}\n{text}" if lead else text, _proposal_options(talk))
    _expect_answer(talk, complaint)


def _proposal_options(talk: Talk) -> tuple[Option, ...]:
    return (
        Option(talk.text("button.accept"), SKILL.name, "accept"),
        Option(talk.text("button.decline"), SKILL.name, "decline"),
    )


def _offer(complaint: Complaint) -> Offer:
    """What was offered last."""
    made = complaint.facts.get("offer")
    kind = next((kind for kind in OfferKind if kind == made), OfferKind.APOLOGY)
    return Offer(kind, str(complaint.facts.get("offer_amount", "")))


def _words_for(talk: Talk, complaint: Complaint, offer: Offer) -> str:
    product = complaint.facts.get("product")
    return talk.text(
        f"offer.{offer.kind.value}",
        amount=talk.text("offer.money", amount=offer.amount.partition(" ")[0]) if offer.amount else "",
        product=talk.product(product) if isinstance(product, str) else talk.text("offer.the_product"),
    )


def _hear_about_proposal(talk: Talk, complaint: Complaint) -> None:
    """Words about the proposal that are neither a plain yes nor a plain no."""
    lead = _calm(talk)
    if lead is None:
        return
    absorb(talk, complaint, talk.heard)
    heard = talk.heard
    if talk.sure("affirm", "satisfied"):
        _accept(talk, complaint)
    elif talk.sure("deny", "dissatisfied", "refund_request", "return_request", "exchange_request", *KINDS) or lead:
        _decline(talk, complaint, lead)
    elif heard.evidence and not heard.text:
        _ask(talk, complaint, lead=talk.text("complaint.evidence"))
    elif complaint.tries.get("proposal", 0):
        _leave_to_people(talk, complaint, HandOffReason.NOT_UNDERSTOOD, "")
    else:
        complaint.tries["proposal"] = 1
        talk.act(UpdateCase(number=complaint.case, facts=dict(complaint.facts), note=quote(heard.text, 300) or None))
        _ask(talk, complaint, lead=talk.text("complaint.sorry_again"))


def _decline(talk: Talk, complaint: Complaint, lead: str = "") -> None:
    if talk.memory.tone is None:
        talk.memory.tone = detect_tone(talk, talk.heard)
    declined, offer = _offer(complaint).kind.value, judgement.next_offer(talk, complaint)
    talk.act(UpdateCase(number=complaint.case, note=talk.staff_text("summary.declined", offer=declined)))
    if offer is None:
        _leave_to_people(talk, complaint, HandOffReason.POLICY, lead)
    else:
        _propose(talk, complaint, offer, lead)


def _leave_to_people(talk: Talk, complaint: Complaint, reason: HandOffReason, lead: str) -> None:
    usual = talk.text("complaint.person_early" if talk.memory.tone is Tone.PREPARED else f"handoff.{reason.value}")
    handoff.hand_off(talk, reason, lead=f"{lead}\n{usual}" if lead else usual)


# Step 4: follow up


def _accept(talk: Talk, complaint: Complaint) -> None:
    talk.act(CancelFollowUps(prefix=f"form:{talk.conversation.id}"))
    offer = _offer(complaint)
    complaint.step = Step.FOLLOW_UP.value
    promises.keep_word(talk, complaint.case, offer, _words_for(talk, complaint, offer))


def chosen(talk: Talk, option: Option) -> None:
    """One of our buttons, or words that mean it."""
    complaint = talk.memory.complaint
    if complaint is None or complaint.step not in {Step.RECORD, Step.PROPOSE}:
        talk.say("choice.gone")
        return
    match option.does:
        case "accept" if complaint.step == Step.PROPOSE:
            _accept(talk, complaint)
        case "decline" if complaint.step == Step.PROPOSE:
            _decline(talk, complaint)
        case "wish" if option.value == "other":
            complaint.asked = "wish"
            talk.say("complaint.ask_wish_words")
            _expect_answer(talk, complaint)
        case "wish":
            _take_fact(talk, complaint, "wish", option.value)
        case "unknown":
            _take_fact(talk, complaint, option.value, None)
        case "here":
            _take_fact(talk, complaint, "reach", "here")
        case _:
            talk.say("choice.gone")


def _take_fact(talk: Talk, complaint: Complaint, field: str, value: Json) -> None:
    complaint.facts[field] = value
    complaint.answered = field
    _go_on(talk, complaint, lead="")


# At any time


def _known_case(talk: Talk) -> str | None:
    """The complaint this is about, if it is being followed up already and this is no new matter."""
    memory = talk.memory.complaint
    for case in talk.turn.cases:
        ours = talk.turn.contact.proven or (memory is not None and memory.case == case.number)
        if ours and case.kind is CaseKind.COMPLAINT and case.status in {CaseStatus.OPEN, CaseStatus.WAITING}:
            other_order = {value.upper() for value in talk.heard.values("order_number")} - {
                str(case.facts.get("order"))
            }
            return None if other_order else case.number
    return None


def _add_to(talk: Talk, number: str) -> None:
    """More about a known case: added to it, with the promise that stands, and a person if they are angry by now."""
    case = talk.case(number)
    talk.act(UpdateCase(number=number, note=quote(talk.heard.text, 500) or None, status=CaseStatus.OPEN))
    if _calm(talk) is None:
        return
    promise = next((promise for promise in case.promises if not promise.kept), None) if case is not None else None
    if promise is None:
        handoff.offer_person(talk, "complaint.added", number=number)
    else:
        handoff.offer_person(
            talk, "complaint.added_promise", number=number, promise=promise.text, due=talk.moment(promise.due)
        )


def _gives_up(talk: Talk) -> bool:
    if talk.sure("cancel_form") and _is_main(talk, "cancel_form"):
        return True
    return len(talk.heard.text) <= 12 and _CANCEL.fullmatch(talk.heard.text.strip()) is not None


def _cancel(talk: Talk, complaint: Complaint) -> None:
    talk.skill = SKILL.name
    for prefix in (f"form:{talk.conversation.id}", f"listen:{talk.conversation.id}"):
        talk.act(CancelFollowUps(prefix=prefix))
    talk.act(UpdateCase(number=complaint.case, status=CaseStatus.CLOSED, note=talk.staff_text("summary.withdrawn")))
    talk.memory.complaint = talk.memory.choice = None
    talk.say("complaint.cancelled", number=complaint.case)


def _pause(talk: Talk, complaint: Complaint) -> None:
    complaint.paused = True
    complaint.reminded = False
    talk.skill = SKILL.name
    talk.say("complaint.paused")
    _plan_silence(talk, complaint, timedelta(hours=24))


def _is_something_else(talk: Talk, complaint: Complaint) -> bool:
    """A question about another matter, or mere manners; not an answer to what we asked."""
    heard, intent = talk.heard, talk.heard.intent
    if intent is None or heard.evidence or not talk.sure(intent.name):
        return False
    if intent.name in SOCIAL - {"affirm", "deny"}:
        return len(heard.text) <= 25
    if intent.name not in _IN_BETWEEN:
        return False
    if complaint.asked == "order" and heard.values("order_number"):
        return False
    return _QUESTION.search(heard.text) is not None


def _is_main(talk: Talk, name: str) -> bool:
    return talk.heard.intent is not None and talk.heard.intent.name == name


def _toned(talk: Talk, key: str) -> str:
    return f"{key}_{talk.memory.tone.value}" if talk.memory.tone is not None else key


SKILL = Skill(
    name="complaint",
    answer=answer,
    intents=frozenset({*KINDS, "dissatisfied", "anger"}),
    goes_on=goes_on,
    chosen=chosen,
)
