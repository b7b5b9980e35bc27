"""Complaints in four steps: listen, record, propose, follow up (design, section 7)."""

from __future__ import annotations

import re
from datetime import timedelta

from bot import why
from bot.complaints import proposal, questions, record, withdrawal
from bot.complaints.answers import tells_time
from bot.complaints.facts import (
    FEELINGS,
    KINDS,
    absorb_story,
    detect_tone,
    is_angry,
    is_correction,
    kind_of,
    wish_in,
)
from bot.effects import HandOffReason, Ignore, OpenCase, PlanFollowUp, UpdateCase
from bot.heard import SOCIAL, Heard
from bot.memory import Complaint, Option
from bot.proof import order_numbers
from bot.skill import Skill
from bot.skills import fallback, handoff, knowledge
from bot.talk import Talk, quote
from bot.turn import CaseKind, CaseStatus, FollowUpKind, Step

_QUESTION = re.compile(
    r"[?？]|吗|嗎|怎么|怎麼|如何|多久|什么时候|什麼時候|几点|幾點|哪里|哪裡|哪儿|多少"
    r"|^(?:how|what|when|where|which|who|can|could|do|does|is|are)\b",
    re.IGNORECASE,
)
_ABOUT_A_PROMISE = frozenset({*KINDS, *FEELINGS, "order_status", "refund_request"}) - {"abuse"}
_TOLD_IN_FEW_WORDS = frozenset({"order", "proof", "happened", "bought"})
"""Facts that a joke about the weather cannot be."""
_FEW_WORDS = 40
"""Characters."""
_NAMED = "names_case"
"""Fact of a case that was opened because another one was named."""
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
    elif withdrawal.may_be_about_it(talk):
        withdrawal.offer_to_resume(talk)
    else:
        _listen(talk)


def _listen(talk: Talk) -> None:
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
    if complaint is None:
        return withdrawal.takes_up_again(talk)
    if complaint.step == Step.FOLLOW_UP:
        return _asks_for_news(talk, complaint)
    if complaint.step == Step.LISTEN and not withdrawal.gives_up(talk):
        _listen_on(talk, complaint)
        return True
    if withdrawal.gives_up(talk):
        withdrawal.withdraw(talk, complaint)
        return True
    if talk.means("pause") and not order_numbers(talk, talk.heard):
        _pause(talk, complaint)
        return True
    asked = complaint.asked if complaint.step == Step.RECORD else ""
    if asked and (reason := why.asked(talk.heard.text, asked)) is not None:
        questions.ask(talk, complaint, lead=talk.text(reason))
        return True
    if _is_something_else(talk, complaint):
        return False
    resumed, complaint.paused = complaint.paused, False
    if complaint.step == Step.PROPOSE and is_correction(talk, complaint, talk.heard):
        complaint.step, complaint.offered = Step.RECORD.value, []  # with other facts, it is judged again
    if complaint.step == Step.PROPOSE:
        proposal.hear_about_proposal(talk, complaint)
    else:
        record.record(talk, complaint, resumed=resumed)
    return True


def is_waiting(talk: Talk) -> bool:
    """A question of ours about a complaint is open."""
    complaint = talk.memory.complaint
    if complaint is None or complaint.paused:
        return False
    return questions.is_open(complaint)


def silence(talk: Talk) -> None:
    """One gentle reminder; then a person goes on with what is known."""
    complaint = talk.memory.complaint
    if complaint is None or not questions.is_open(complaint):
        talk.act(Ignore(reason="no question is open any more"))
    elif complaint.reminded:
        handoff.hand_off(talk, HandOffReason.POLICY, lead=talk.text("complaint.silent", number=complaint.case))
    else:
        complaint.paused = False
        questions.ask(talk, complaint, lead=talk.text("complaint.reminder"))
        questions.expect_answer(talk, complaint)
        complaint.reminded = True


def chosen(talk: Talk, option: Option) -> None:
    """One of our buttons, or words that mean it."""
    complaint = talk.memory.complaint
    withdrawn = talk.memory.withdrawn
    if complaint is None and withdrawn is not None and option.does in {"resume", "new"}:
        withdrawal.resume(talk, withdrawn) if option.does == "resume" else _listen(talk)
        return
    if complaint is None or complaint.step not in {Step.RECORD, Step.PROPOSE}:
        talk.say("choice.gone")
        return
    match option.does:
        case "accept" if complaint.step == Step.PROPOSE:
            proposal.accept(talk, complaint)
        case "decline" if complaint.step == Step.PROPOSE:
            proposal.decline(talk, complaint)
        case "wish" if option.value == "other":
            complaint.asked = "wish"
            talk.say("complaint.ask_wish_words")
            questions.expect_answer(talk, complaint)
        case "wish":
            record.take_fact(talk, complaint, "wish", option.value)
        case "unknown":
            record.take_fact(talk, complaint, option.value, None)
        case "here":
            record.take_fact(talk, complaint, "reach", "here")
        case _:
            talk.say("choice.gone")


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


def speak_of(talk: Talk, number: str) -> bool:
    """They name a case of theirs: more about it, or a question how it stands. False: it is no complaint on its way."""
    case = talk.case(number)
    ours = case is not None and case.kind is CaseKind.COMPLAINT and case.status in {CaseStatus.OPEN, CaseStatus.WAITING}
    if ours:
        _add_to(talk, number)
    return ours


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


def _add_to(talk: Talk, number: str) -> None:
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


def _asks_for_news(talk: Talk, complaint: Complaint) -> bool:
    """A few words about what was promised, and no other order: that it stands, and by when."""
    case, about = talk.case(complaint.case), talk.heard.intents
    pending = case is not None and any(not promise.kept for promise in case.promises)
    if not pending or len(talk.heard.text) > _FEW_WORDS or order_numbers(talk, talk.heard):
        return False
    sure = talk.policy.confidence.sure
    if sum(intent.confidence for intent in about if intent.name in _ABOUT_A_PROMISE) < sure:
        return False
    _add_to(talk, complaint.case)
    return True


def _pause(talk: Talk, complaint: Complaint) -> None:
    complaint.paused = True
    complaint.reminded = False
    talk.skill = SKILL.name
    talk.say("complaint.paused")
    questions.plan_silence(talk, complaint, timedelta(hours=24))


def _is_something_else(talk: Talk, complaint: Complaint) -> bool:
    """A question about another matter, or mere manners; not an answer to what we asked."""
    heard, intent = talk.heard, talk.heard.intent
    if complaint.asked in _TOLD_IN_FEW_WORDS and not heard.evidence and not heard.entities:
        if fallback.is_of_another_world(heard) and not tells_time(heard.text):
            return True
    if intent is None or heard.evidence or (complaint.step == Step.PROPOSE and proposal.agrees(heard)):
        return False
    if intent.name in SOCIAL - {"affirm", "deny"} and talk.sure(intent.name):
        return len(heard.text) <= 25
    if _QUESTION.search(heard.text) is None or (complaint.asked == "order" and order_numbers(talk, heard)):
        return False
    if complaint.asked == "wish" and wish_in(heard, talk.policy.confidence.sure) is not None:
        return False  # "can I get my money back?" is the answer
    if intent.name in _IN_BETWEEN and talk.sure(intent.name):
        return True
    complaining = heard.confidence(*KINDS, *FEELINGS) >= talk.policy.confidence.maybe
    return not complaining and bool(knowledge.likely(talk, heard, talk.policy.confidence.knowledge))


SKILL = Skill(
    name=questions.NAME,
    answer=answer,
    intents=frozenset({*KINDS, "dissatisfied", "anger"}),
    goes_on=goes_on,
    chosen=chosen,
)
