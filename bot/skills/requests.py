"""Requests that a person carries out: cancel, change, return, exchange, refund, invoice, account, privacy."""

from __future__ import annotations

from bot.effects import HandOffReason, OpenCase
from bot.heard import Heard
from bot.memory import Option, OrderQuestion
from bot.own_data import FACT, Wish, wish_in
from bot.proof import means_another_order, order_numbers
from bot.skill import Skill
from bot.skills import handoff, knowledge
from bot.talk import Talk, quote
from bot.turn import CaseKind, Json

ABOUT_AN_ORDER = frozenset(
    {"order_cancel", "order_change", "refund_request", "return_request", "exchange_request", "invoice_request"}
)
PRIVACY = "privacy_request"
OTHERS = frozenset({"account_problem", PRIVACY})


def answer(talk: Talk) -> None:
    """A question about how it goes is answered, with the request one button away; a request is taken at once."""
    intent = talk.heard.intent.name if talk.heard.intent is not None else ""
    about, confidence = talk.policy.topics.get(intent, ()), talk.policy.confidence
    # Whoever mentions an invoice mostly asks how to get one, in whatever words.
    least = confidence.knowledge_least if intent == "invoice_request" else confidence.knowledge
    entries = [entry for entry in knowledge.likely(talk, talk.heard, least) if entry.partition("#")[0] in about]
    if entries and talk.aside:
        knowledge.show(talk, entries)
    elif entries and not order_numbers(talk, talk.heard):
        start_it = Option(talk.text("button.request"), SKILL.name, "start", intent)
        knowledge.show(talk, entries, more=(start_it,))
        if intent in ABOUT_AN_ORDER:
            talk.memory.order = _which_order(talk, intent, latent=True)  # an order number now means: do it
    else:
        start(talk, intent)


def chosen(talk: Talk, option: Option) -> None:
    start(talk, option.value if option.value in SKILL.intents else "")


def start(talk: Talk, intent: str) -> None:
    numbers = order_numbers(talk, talk.heard)
    if not numbers and intent in ABOUT_AN_ORDER and talk.memory.told and not means_another_order(talk.heard.text):
        numbers = [talk.memory.told]  # "then I'd like to return it": the one that we spoke of just now
    if intent in ABOUT_AN_ORDER and not numbers:
        talk.memory.order = _which_order(talk, intent)
        talk.say("request.which_order", example=talk.policy.order_example)
    else:
        take(talk, intent, ", ".join(numbers[:3]))


def is_wish_about_data(talk: Talk, heard: Heard) -> bool:
    """It asks, in so many words, for a copy of their data, or to be forgotten."""
    intent = heard.intent
    if intent is None or intent.name != PRIVACY or intent.confidence < talk.policy.confidence.sure:
        return False
    return wish_in(heard.text) is not None


def take(talk: Talk, intent: str, order: str) -> None:
    """Open a case for it and pass it on: nothing is done to an order or an account on a chat's word alone."""
    said = talk.memory.order.said if talk.memory.order is not None else ""
    talk.memory.order = None
    facts: dict[str, Json] = {"what": quote(f"{said} {talk.heard.text}", 500)}
    if order:
        facts["order"] = order
    wish = wish_in(talk.heard.text) if intent == PRIVACY else None
    if wish is not None:
        facts[FACT] = wish.value
    kind = talk.staff_text(f"intent.{intent}") if intent in SKILL.intents else ""
    talk.act(
        OpenCase(
            number=talk.turn.fresh_number,
            kind=CaseKind.REQUEST,
            subject=" · ".join(part for part in (kind, order) if part) or quote(talk.heard.text, 80) or "?",
            facts=facts,
            priority=3,
        )
    )
    lead = _word_on_data(talk, wish) if wish is not None else talk.text("request.taken", number=talk.turn.fresh_number)
    handoff.hand_off(
        talk, HandOffReason.POLICY, lead=lead, note=talk.staff_text("summary.case", number=talk.turn.fresh_number)
    )


def _word_on_data(talk: Talk, wish: Wish) -> str:
    """What happens now; and who writes from an address that is not proven hears why a person has to be sure first."""
    key = "own_data.copy_asked" if wish is Wish.COPY else "own_data.erasure_asked"
    asked = talk.text(key, number=talk.turn.fresh_number)
    return asked if talk.turn.contact.proven else f"{asked}\n{talk.text('own_data.prove')}"


def _which_order(talk: Talk, intent: str, *, latent: bool = False) -> OrderQuestion:
    return OrderQuestion(asks="number", purpose=intent, said=quote(talk.heard.text, 200), latent=latent)


SKILL = Skill(name="requests", answer=answer, intents=ABOUT_AN_ORDER | OTHERS, chosen=chosen)
