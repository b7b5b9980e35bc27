"""Complaints in four steps: listen, record, propose, follow up (design, section 7)."""

from __future__ import annotations

import re
from datetime import timedelta

from bot import why
from bot.complaints import known_cases, listening, proposal, questions, record, withdrawal
from bot.complaints.answers import tells_time
from bot.complaints.facts import FEELINGS, KINDS, is_correction, wish_in
from bot.effects import HandOffReason, Ignore
from bot.heard import SOCIAL
from bot.memory import Complaint, Option
from bot.proof import order_numbers
from bot.skill import Skill
from bot.skills import fallback, handoff, knowledge
from bot.talk import Talk
from bot.turn import Step

_QUESTION = re.compile(
    r"[?？]|吗|嗎|怎么|怎麼|如何|多久|什么时候|什麼時候|几点|幾點|哪里|哪裡|哪儿|多少"
    r"|^(?:how|what|when|where|which|who|can|could|do|does|is|are)\b",
    re.IGNORECASE,
)
_TOLD_IN_FEW_WORDS = frozenset({"order", "proof", "happened", "bought"})
"""Facts that a joke about the weather cannot be."""
_IN_BETWEEN = frozenset(
    {"bot_identity", "help", "smalltalk_wellbeing", "opening_hours", "order_status", "privacy_request"}
    | {"account_problem", "shipping_question", "payment_question", "invoice_request", "product_question"}
    | {"price_question", "stock_question", "discount_question", "warranty_question", "membership_points"}
)
"""What somebody may ask in the middle of a complaint, to be answered before we go on."""


def answer(talk: Talk) -> None:
    """Open the case at the first word, and wait until the person has finished: they get one answer to everything."""
    known = known_cases.known_case(talk)
    if known is not None:
        known_cases.add_to(talk, known)
    elif withdrawal.may_be_about_it(talk):
        withdrawal.offer_to_resume(talk)
    else:
        listening.listen(talk)


def goes_on(talk: Talk) -> bool:
    complaint = talk.memory.complaint
    if complaint is None:
        return withdrawal.takes_up_again(talk)
    if complaint.step == Step.FOLLOW_UP:
        return known_cases.asks_for_news(talk, complaint)
    if complaint.step == Step.LISTEN and not withdrawal.gives_up(talk):
        listening.listen_on(talk, complaint)
        return True
    if withdrawal.gives_up(talk):
        withdrawal.withdraw(talk, complaint)
        return not (withdrawal.was_none(talk) and _asks_something_else(talk))
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
        withdrawal.resume(talk, withdrawn) if option.does == "resume" else listening.listen(talk)
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


def _pause(talk: Talk, complaint: Complaint) -> None:
    complaint.paused = True
    complaint.reminded = False
    talk.skill = SKILL.name
    talk.say("complaint.paused")
    questions.plan_silence(talk, complaint, timedelta(hours=24))


def _asks_something_else(talk: Talk) -> bool:
    """What they wanted to know all the time."""
    if talk.heard.confidence(*KINDS, *FEELINGS) >= talk.policy.confidence.maybe:
        return False
    return bool(knowledge.likely(talk, talk.heard, talk.policy.confidence.knowledge_least))


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
