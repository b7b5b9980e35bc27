"""Order status: where an order is, told to whom it belongs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot import when, why
from bot.complaints.answers import does_not_know
from bot.effects import HandOffReason
from bot.heard import SOCIAL
from bot.memory import Option, OrderQuestion
from bot.proof import is_proven, means_another_order, order_numbers, proves, tries_to_prove
from bot.skill import Skill
from bot.skills import handoff, knowledge, requests
from bot.talk import Talk, quote
from bot.turn import LookupKind, OrderFacts

STATUSES: Mapping[str, str] = {
    "pending": "order.status_unpaid",
    "unpaid": "order.status_unpaid",
    "待付款": "order.status_unpaid",
    "paid": "order.status_packing",
    "processing": "order.status_packing",
    "packing": "order.status_packing",
    "已付款": "order.status_packing",
    "待发货": "order.status_packing",
    "shipped": "order.status_shipped",
    "in_transit": "order.status_shipped",
    "已发货": "order.status_shipped",
    "delivered": "order.status_delivered",
    "completed": "order.status_delivered",
    "已签收": "order.status_delivered",
    "已完成": "order.status_delivered",
    "cancelled": "order.status_cancelled",
    "canceled": "order.status_cancelled",
    "已取消": "order.status_cancelled",
    "returned": "order.status_returned",
    "已退货": "order.status_returned",
    "refunded": "order.status_refunded",
    "已退款": "order.status_refunded",
}
"""Shops' words for a status to what we say; any other word is shown as it is."""

MOST_SHOWN = 3
_FEW_WORDS, _A_NAME = 20, 4
"""Characters."""


def answer(talk: Talk) -> None:
    numbers = order_numbers(talk, talk.heard)
    if numbers:
        _tell_about_each(talk, numbers)
    elif (known := _known(talk)) and not means_another_order(talk.heard.text):
        tell_about(talk, known)
    elif talk.turn.contact.proven:
        _tell_of_mine(talk)
    else:
        _ask_for_number(talk)


def _known(talk: Talk) -> str:
    """The order that we spoke of: it was told, or it is the one complained about, and proven; empty where there is
    none."""
    complaint = talk.memory.complaint
    complained = complaint.facts.get("order") if complaint is not None else None
    return talk.memory.told or (str(complained) if complained in talk.memory.proven else "")


def goes_on(talk: Talk) -> bool:
    question = talk.memory.order
    if question is None:
        return False
    numbers = order_numbers(talk, talk.heard)
    if question.latent and (not numbers or _is_other_need(talk) or talk.means("order_status")) and not _drops(talk):
        return _hear_more(talk, question) or _leave(talk)
    if (reason := why.asked(talk.heard.text, question.asks)) is not None:
        talk.say(reason)  # the question stays
        return True
    if question.asks == "proof" and why.refuses(talk.heard.text) and not tries_to_prove(talk.heard):
        handoff.offer_person(talk, "order.no_proof")
        return True
    if _drops(talk):
        talk.memory.order = None
        talk.say("order.dropped")
        return True
    if question.asks == "proof" and not numbers:
        return _hear_proof(talk, question)
    if numbers:
        _go_on_with(talk, question, numbers)
        return True
    return _hear_no_number(talk, question)


def is_asked_again(talk: Talk) -> bool:
    """ "How much longer?" after an order was told is about that order, though it does not say so."""
    best = talk.heard.intent
    return (
        bool(talk.memory.told)
        and best is not None
        and best.name == "order_status"
        and len(talk.heard.text) <= _FEW_WORDS
    )


def chosen(talk: Talk, option: Option) -> None:
    if option.does == "show":
        tell_about(talk, option.value)
    else:
        _ask_for_number(talk)


def tell_about(talk: Talk, number: str) -> None:
    """Look it up, and say where it is, or why we do not."""
    result = talk.lookup(LookupKind.ORDER, number)
    order = next((order for order in result.orders if order.number.upper() == number.upper()), None)
    if result.failure is not None:
        talk.memory.order = None
        handoff.offer_person(talk, "order.lookup_failed", number=number)
    elif order is None:
        _say_unknown(talk, number)
    elif is_proven(talk, order):
        _tell(talk, order)
    elif proves(order, talk.heard):
        talk.memory.proven = [*talk.memory.proven, order.number][-5:]
        _tell(talk, order)
    elif not order.phone_ending:
        handoff.hand_off(talk, HandOffReason.POLICY, lead=talk.text("order.cannot_prove"))
    else:
        talk.memory.order = OrderQuestion(asks="proof", number=number)
        talk.say("order.ask_proof", number=number)


def _tell_about_each(talk: Talk, numbers: Sequence[str]) -> None:
    """One after the other; where one of them needs an answer first, the others wait behind it."""
    numbers = numbers[:MOST_SHOWN]
    talk.foresee(LookupKind.ORDER, numbers)
    for place, number in enumerate(numbers, start=1):
        tell_about(talk, number)
        if talk.memory.told != number:
            if talk.memory.order is not None:
                talk.memory.order.others = tuple(numbers[place:])
            return


def _ask_for_number(talk: Talk) -> None:
    talk.memory.order = OrderQuestion(asks="number")
    talk.say("order.ask_number", example=talk.policy.order_example)


def _tell_of_mine(talk: Talk) -> None:
    """The customer is known: their latest orders, without a question where there is one only."""
    result = talk.lookup(LookupKind.ORDERS)
    mine = [order for order in result.orders if order.mine]
    if result.failure is not None:
        handoff.offer_person(talk, "order.lookup_failed", number="")
    elif not mine:
        _ask_for_number(talk)
    elif len(mine) == 1 or talk.aside:
        _tell(talk, mine[0])
    else:
        options = [Option(_label(talk, order), SKILL.name, "show", order.number) for order in mine[:MOST_SHOWN]]
        options.append(Option(talk.text("button.other_order"), SKILL.name, "other"))
        talk.ask(talk.text("order.which"), options)


def _go_on_with(talk: Talk, question: OrderQuestion, numbers: Sequence[str]) -> None:
    if question.purpose in requests.ABOUT_AN_ORDER:
        requests.take(talk, question.purpose, numbers[0])
    else:
        _tell_about_each(talk, list(dict.fromkeys([*numbers, *question.others])))


def _drops(talk: Talk) -> bool:
    return talk.sure("cancel_form")


def _hear_more(talk: Talk, question: OrderQuestion) -> bool:
    """Told what an invoice needs, they tell a name or a tax number, which means nothing by itself."""
    intent = talk.heard.intent
    understood = intent is not None and intent.confidence >= talk.policy.confidence.maybe
    known = knowledge.likely(talk, talk.heard, talk.policy.confidence.knowledge)
    if question.purpose != "invoice_request" or understood or known or len(talk.heard.text) < _A_NAME:
        return False
    question.said, question.latent = quote(f"{question.said} {talk.heard.text}", 400), False
    talk.say("request.which_order", example=talk.policy.order_example)
    return True


def _leave(talk: Talk) -> bool:
    """Another matter has come up: a number that follows is about that one."""
    intent = talk.heard.intent
    if intent is not None and intent.name not in SOCIAL and talk.sure(intent.name):
        talk.memory.order = None
    return False


def _hear_proof(talk: Talk, question: OrderQuestion) -> bool:
    if not tries_to_prove(talk.heard):
        if not (talk.sure("deny") or does_not_know(talk.heard.text)):
            return False
        handoff.offer_person(talk, "order.no_proof")  # the question stays: the digits may still be found
        return True
    talk.foresee(LookupKind.ORDER, [question.number, *question.others])
    result = talk.lookup(LookupKind.ORDER, question.number)
    order = next(iter(result.orders), None)
    if result.failure is not None or order is None:
        talk.memory.order = None
        handoff.offer_person(talk, "order.lookup_failed", number=question.number)
    elif proves(order, talk.heard):
        talk.memory.proven = [*talk.memory.proven, order.number][-5:]
        _tell(talk, order)
        _tell_about_each(talk, question.others)
    elif question.tries + 1 >= talk.policy.proof_attempts:
        handoff.hand_off(talk, HandOffReason.POLICY, lead=talk.text("order.cannot_prove"))
    else:
        question.tries += 1
        talk.say("order.wrong_proof", number=question.number)
    return True


def _hear_no_number(talk: Talk, question: OrderQuestion) -> bool:
    """No order number: a slip of the finger, not at hand, or something else altogether."""
    looks_like_one = any(character.isdigit() for character in talk.heard.text) and len(talk.heard.text) <= 40
    if looks_like_one and not _is_other_need(talk):
        question.tries += 1
        if question.tries >= talk.policy.proof_attempts:
            talk.memory.order = None
            handoff.offer_person(talk, "order.no_number")
        else:
            talk.say("order.not_a_number", example=talk.policy.order_example)
        return True
    if talk.sure("deny") or does_not_know(talk.heard.text):
        talk.memory.order = None
        handoff.offer_person(talk, "order.no_number")
        return True
    return False


def _is_other_need(talk: Talk) -> bool:
    """Surely something else than the order's whereabouts, or than what the number was asked for."""
    intent, question = talk.heard.intent, talk.memory.order
    ours = {*SKILL.intents, "correct_fact", *([question.purpose] if question is not None else [])}
    return intent is not None and intent.name not in ours and talk.sure(intent.name)


def _say_unknown(talk: Talk, number: str) -> None:
    tries = talk.memory.order.tries + 1 if talk.memory.order is not None else 1
    if tries >= talk.policy.proof_attempts:
        talk.memory.order = None
        handoff.offer_person(talk, "order.unknown_again", number=number)
    else:
        talk.memory.order = OrderQuestion(asks="number", tries=tries)
        talk.say("order.unknown", number=number)


def _tell(talk: Talk, order: OrderFacts) -> None:
    again, talk.memory.order, talk.memory.told = talk.memory.told == order.number, None, order.number
    status = STATUSES.get(order.status.strip().casefold())
    lines = [
        talk.text("order.head", number=order.number, date=_date(talk, order), items=_items(talk, order)),
        talk.text(status) if status else talk.text("order.status_other", status=quote(order.status, 60)),
    ]
    if order.tracking:
        lines.append(talk.text("order.tracking", tracking=quote(order.tracking, 60)))
    talk.say_text("\n".join(lines))
    if again:
        _say_more(talk)


def _say_more(talk: Talk) -> None:
    """Asked again about an order that nothing new is known of: how long it takes in general, or a person."""
    entries = knowledge.likely(talk, talk.heard, talk.policy.confidence.knowledge)
    if entries and entries[0].partition("#")[0] in talk.policy.topics.get("shipping_question", ()):
        knowledge.show(talk, entries)
    else:
        handoff.offer_person(talk, "order.no_news")


def _label(talk: Talk, order: OrderFacts) -> str:
    return f"{order.number} · {_date(talk, order)}"


def _date(talk: Talk, order: OrderFacts) -> str:
    return when.day(order.date.astimezone(talk.zone).date(), talk.language)


def _items(talk: Talk, order: OrderFacts) -> str:
    joint = ", " if talk.language.value == "en" else "、"
    shown = joint.join(f"{talk.product(name)} × {quantity}" for name, quantity in order.items[:5])
    return shown or order.amount


SKILL = Skill(name="orders", answer=answer, intents=frozenset({"order_status"}), goes_on=goes_on, chosen=chosen)
