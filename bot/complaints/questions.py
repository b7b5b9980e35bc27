"""The questions of a complaint: asked one at a time, asked again after something in between, and not forgotten."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from bot.complaints.facts import ASKED_OF_ALL, is_angry
from bot.complaints.judgement import Offer
from bot.effects import HandOffReason, PlanFollowUp
from bot.memory import Complaint, Option
from bot.policy import ComplaintKind, OfferKind, Tone
from bot.skills import handoff
from bot.talk import Talk
from bot.turn import FollowUpKind, Step
from bot.words import WORDS
from nlu.understanding import Language

NAME = "complaint"
"""The skill that speaks here."""
_NAMED = tuple(field for field in ASKED_OF_ALL if f"fact.{field}" in WORDS)
MOST_BACK = 2
"""Somebody who goes on about other things knows by then what we asked, and comes back or is reminded."""


def is_open(complaint: Complaint) -> bool:
    """The customer was asked something, and it is theirs to answer."""
    return complaint.step == Step.PROPOSE or (complaint.step == Step.RECORD and bool(complaint.asked))


def ask(talk: Talk, complaint: Complaint, *, lead: str = "") -> None:
    talk.skill, talk.aside = NAME, False
    if complaint.step == Step.PROPOSE:
        offer = words_for(talk, complaint, last_offer(complaint))
        text, options = talk.text("complaint.proposal_open", offer=offer), proposal_options(talk)
    else:
        text = talk.text(f"complaint.{_how(complaint)}_{complaint.asked}", example=talk.policy.order_example)
        options = _options_for(talk, complaint.asked)
    talk.ask(f"{lead}\n{text}" if lead else text, options, shortcuts=complaint.asked in {"order", "reach"})


def _how(complaint: Complaint) -> str:
    if complaint.asked == "order" and complaint.tries.get("unknown order"):
        return "recheck"
    return "again" if complaint.tries.get(complaint.asked, 0) > 1 else "ask"


def go_back(talk: Talk) -> None:
    """After something in between: gently back to the open question."""
    complaint = talk.memory.complaint
    if complaint is None or not is_open(complaint):
        return
    complaint.tries["back"] = complaint.tries.get("back", 0) + 1
    if complaint.tries["back"] <= MOST_BACK:
        ask(talk, complaint, lead=talk.text("complaint.back"))


def noted(talk: Talk, fields: Collection[str]) -> str:
    """What was told besides the answer is acknowledged by name; empty where it was nothing."""
    if talk.heard.evidence:
        return talk.text("complaint.evidence")
    told = names(talk, fields)
    return talk.text("complaint.noted_facts", facts=told) if told else ""


def names(talk: Talk, fields: Collection[str]) -> str:
    joint = ", " if talk.language is Language.EN else "、"
    return joint.join(talk.text(f"fact.{field}") for field in (*_NAMED, "amount") if field in fields)


def calm(talk: Talk) -> str | None:
    """A calm word for an angry line; None: it is the last one that we take, and a person has taken over."""
    if not is_angry(talk, talk.heard):
        return ""
    talk.memory.angry += 1
    talk.memory.tone = talk.memory.tone or Tone.EMOTIONAL
    if talk.memory.angry >= talk.policy.angry_turns:
        handoff.hand_off(talk, HandOffReason.ANGER)
        return None
    return talk.text("complaint.calm")


def expect_answer(talk: Talk, complaint: Complaint) -> None:
    complaint.reminded = False
    plan_silence(talk, complaint, _patience(talk))


def plan_silence(talk: Talk, complaint: Complaint, span: timedelta) -> None:
    talk.act(
        PlanFollowUp(
            kind=FollowUpKind.FORM_SILENCE,
            key=f"form:{talk.conversation.id}",
            due=talk.now + span,
            reason=f"no answer about {complaint.asked or 'the proposal'}",
            case=complaint.case,
        )
    )


def _patience(talk: Talk) -> timedelta:
    times = talk.policy.times
    by_mail = talk.turn.channel.scheme == "mailto"
    return timedelta(hours=times.form_silence_mail_hours) if by_mail else timedelta(minutes=times.form_silence_minutes)


def _options_for(talk: Talk, field: str) -> tuple[Option, ...]:
    match field:
        case "wish":
            return tuple(
                Option(talk.text(f"wish.{wish}"), NAME, "wish", wish)
                for wish in ("refund", "replacement", "apology", "other")
            )
        case "order":
            return (Option(talk.text("button.no_order"), NAME, "unknown", "order"),)
        case "reach":
            return (Option(talk.text("button.here"), NAME, "here"),)
        case _:
            return ()


def proposal_options(talk: Talk) -> tuple[Option, ...]:
    return (
        Option(talk.text("button.accept"), NAME, "accept"),
        Option(talk.text("button.decline"), NAME, "decline"),
    )


def last_offer(complaint: Complaint) -> Offer:
    """What was offered last."""
    made = complaint.facts.get("offer")
    kind = next((kind for kind in OfferKind if kind == made), OfferKind.APOLOGY)
    return Offer(kind, str(complaint.facts.get("offer_amount", "")))


def words_for(talk: Talk, complaint: Complaint, offer: Offer) -> str:
    # Of a wrong item we hear two names, and of several items several: which one is meant is not ours to guess.
    product = None if complaint.kind == ComplaintKind.WRONG_ITEM else complaint.facts.get("product")
    one = isinstance(product, str) and ";" not in product
    return talk.text(
        f"offer.{offer.kind.value}",
        amount=talk.text("offer.money", amount=offer.amount.partition(" ")[0]) if offer.amount else "",
        product=talk.product(str(product)) if one else talk.text("offer.the_product"),
    )


def toned(talk: Talk, key: str) -> str:
    return f"{key}_{talk.memory.tone.value}" if talk.memory.tone is not None else key
