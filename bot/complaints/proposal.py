"""Step 3: propose, within the authority for this customer; and step 4 begins where they accept."""

from __future__ import annotations

import re

from bot.complaints import judgement, promises, questions
from bot.complaints.facts import KINDS, absorb, detect_tone
from bot.complaints.judgement import Offer
from bot.effects import CancelFollowUps, HandOffReason, UpdateCase
from bot.heard import Heard
from bot.memory import Complaint
from bot.policy import Tone
from bot.skills import handoff
from bot.talk import Talk, quote
from bot.turn import CaseStatus, Json, Step

_FEW_WORDS = 25
"""Characters."""
_YES = re.compile(
    r"好(?![像难難贵貴少])|可以|行|嗯|成(?!本)|没问题|沒問題|就[这這][样樣]|同意|接受"
    r"|(?:ok|okay|yes|yep|yeah|sure|fine|great|perfect|alright|all right|sounds good|that works|deal)\b",
    re.IGNORECASE,
)
_BUT = re.compile(
    r"[不?？吗嗎]|[没沒](?![问問])|但|可是|太少|\b(?:but|not|no|only|however|don't|isn't)\b", re.IGNORECASE
)


def judge(talk: Talk, complaint: Complaint, lead: str) -> None:
    reason = judgement.who_decides(talk, complaint)
    offer = None if reason is not None else judgement.next_offer(talk, complaint)
    if reason is None:
        talk.act(UpdateCase(number=complaint.case, founded=True))
    if offer is None:
        leave_to_people(talk, complaint, reason or HandOffReason.POLICY, lead)
    else:
        _propose(talk, complaint, offer, lead)


def hear_about_proposal(talk: Talk, complaint: Complaint) -> None:
    """Words about the proposal that are neither a plain yes nor a plain no."""
    lead = questions.calm(talk)
    if lead is None:
        return
    new = absorb(talk, complaint, talk.heard)
    heard = talk.heard
    if talk.means("affirm") or talk.means("satisfied") or agrees(heard):
        accept(talk, complaint)
    elif talk.sure("deny", "dissatisfied", "refund_request", "return_request", "exchange_request", *KINDS) or lead:
        decline(talk, complaint, lead)
    elif heard.evidence and not heard.text:
        questions.ask(talk, complaint, lead=talk.text("complaint.evidence"))
    elif noted := questions.noted(talk, new - {"wish", "what"}):
        talk.act(UpdateCase(number=complaint.case, facts=dict(complaint.facts)))
        questions.ask(talk, complaint, lead=noted)
    elif complaint.tries.get("proposal", 0):
        leave_to_people(talk, complaint, HandOffReason.NOT_UNDERSTOOD, "")
    else:
        complaint.tries["proposal"] = 1
        talk.act(UpdateCase(number=complaint.case, facts=dict(complaint.facts), note=quote(heard.text, 300) or None))
        questions.ask(talk, complaint, lead=talk.text("complaint.sorry_again"))


def agrees(heard: Heard) -> bool:
    """A few words that begin with a yes, and take nothing of it back: "fine, thanks"."""
    text = heard.text.strip()
    return len(text) <= _FEW_WORDS and _YES.match(text) is not None and _BUT.search(text) is None


def decline(talk: Talk, complaint: Complaint, lead: str = "") -> None:
    if talk.memory.tone is None:
        talk.memory.tone = detect_tone(talk, talk.heard)
    declined, offer = questions.last_offer(complaint).kind.value, judgement.next_offer(talk, complaint)
    talk.act(UpdateCase(number=complaint.case, note=talk.staff_text("summary.declined", offer=declined)))
    if offer is None:
        leave_to_people(talk, complaint, HandOffReason.POLICY, lead)
    else:
        _propose(talk, complaint, offer, lead)


def accept(talk: Talk, complaint: Complaint) -> None:
    talk.act(CancelFollowUps(prefix=f"form:{talk.conversation.id}"))
    offer = questions.last_offer(complaint)
    complaint.step = Step.FOLLOW_UP.value
    promises.keep_word(talk, complaint.case, offer, questions.words_for(talk, complaint, offer))


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
    key = "complaint.propose_second" if second else questions.toned(talk, "complaint.propose")
    text = talk.text(key, offer=questions.words_for(talk, complaint, offer))
    talk.skill, talk.aside = questions.NAME, False
    talk.ask(f"{lead}\n{text}" if lead else text, questions.proposal_options(talk))
    questions.expect_answer(talk, complaint)


def leave_to_people(talk: Talk, complaint: Complaint, reason: HandOffReason, lead: str) -> None:
    usual = talk.text("complaint.person_early" if talk.memory.tone is Tone.PREPARED else f"handoff.{reason.value}")
    handoff.hand_off(talk, reason, lead=f"{lead}\n{usual}" if lead else usual)
