"""The facts of a complaint: what is taken from the customer's words, and what is still to be asked."""

from __future__ import annotations

import re
from collections.abc import Mapping

from bot import when
from bot.heard import Heard
from bot.memory import Complaint
from bot.policy import ComplaintKind, Tone
from bot.proof import order_numbers
from bot.talk import Talk, quote
from bot.turn import Json

KINDS: Mapping[str, ComplaintKind] = {
    "complaint_quality": ComplaintKind.QUALITY,
    "complaint_delivery": ComplaintKind.DELIVERY,
    "complaint_wrong_item": ComplaintKind.WRONG_ITEM,
    "complaint_overcharge": ComplaintKind.OVERCHARGE,
    "complaint_service": ComplaintKind.SERVICE,
}

WISHES: Mapping[str, str] = {
    "refund_request": "refund",
    "return_request": "refund",
    "exchange_request": "replacement",
}

_WISH_WORDS = (
    ("refund", re.compile(r"退款|退钱|退錢|退货|退貨|refund|money back|return it", re.IGNORECASE)),
    (
        "replacement",
        re.compile(
            r"换货|換貨|换[一个個]|換[一个個]|重发|重發|重寄|[补補再][发發寄]"
            r"|replace|exchange|resend|new one|another one",
            re.IGNORECASE,
        ),
    ),
    ("apology", re.compile(r"道歉|说法|說法|解释|解釋|apolog|explanation", re.IGNORECASE)),
)
_NOT_WANTED = re.compile(
    r"不(?:要|想|用|需要|是要)(?:退[款钱錢货貨]|[换換][货貨]|道歉)"
    r"|\b(?:no|not|don't want|do not want|don't need|rather than)(?: an?| my| the| your)? "
    r"(?:refund|money back|replacement|apolog\w+)",
    re.IGNORECASE,
)
_BOUGHT = re.compile(r"买|買|购|購|下单|下單|bought|ordered|purchase", re.IGNORECASE)
USED = re.compile(
    r"用了|[用泡喝][过過]|[开開熱热]水泡|泡的|喝了|使用|泡了|[冲沖]泡|煮|水洗|手洗|洗碗|微波|第一次"
    r"|[没沒未](?:有|怎么|怎麼)?使?[用喝泡]|[没沒未]拆|未开封|未開封"
    r"|[刚剛](?:一?打[开開]|拆|[开開]封)"
    r"|brew|\bused?\b|using|\bwash|microwave|dishwasher|unopened|unused|first time|just opened|not opened"
    r"|(?:haven't|havent|not|never) (?:even )?(?:drunk|tried|touched|opened|tasted)",
    re.IGNORECASE,
)
_HERE = re.compile(
    r"(?:[联聯][系絡络]|回[复覆復]|找我|[发發傳传](?:消息|訊息|讯息|信息)|私信|留言).{0,6}(?:[这這][里裡裏儿兒边邊]|聊天)"
    r"|(?:[这這][里裡裏儿兒边邊]|聊天).{0,4}(?:[联聯][系絡络]|回[复覆復]|就好|就行|就可以|即可|都行)"
    r"|\b(?:reach|contact|message|text|write|reply|answer|ping) (?:to )?(?:me )?(?:right |back |just )?"
    r"(?:here|in this chat)\b"
    r"|\b(?:here|this chat) (?:is|will be|would be) (?:\w+ )?(?:fine|ok|okay|good|best)\b",
    re.IGNORECASE,
)
_STOCK = re.compile(
    r"我?(?:想|要|需要)?投[诉訴]|你[们們]|[您你]好|i (?:want|would like|wish|need) to|(?:make|file|lodge)"
    r"|complain(?:t|ts|ing)?|about|your|you|hello|hi|hey|please|a |an |the |我|要|很|非常|really|very|this is",
    re.IGNORECASE,
)
_WRONG = re.compile(
    r"不[对對是]|[错錯]了|[说說][错錯]|[应應][该該]?是|no\b|wrong|actually|i meant|sorry|correction", re.IGNORECASE
)
HAN = re.compile(r"[\u4e00-\u9fff]")

ASKED_OF_ALL = ("what", "order", "proof", "product", "happened", "bought", "used", "wish", "reach")
"""In this order, as far as they are missing and matter."""

_FIELDS: Mapping[str, tuple[str, ...]] = {
    "order_number": ("order",),
    "product": ("product",),
    "date": ("happened", "bought"),
    "phone": ("reach",),
    "email": ("reach",),
    "amount": ("amount",),
}
"""Kind of an entity to the facts that it may be."""

ASKED_OF_PREPARED = ("what", "order")
"""People who come prepared are asked little and meet a person early."""

_TELLING = frozenset(ComplaintKind) - {ComplaintKind.SERVICE, ComplaintKind.OTHER}
"""Kinds that say by themselves what happened: something broke, did not come, was the wrong one, cost too much."""

FEELINGS = ("anger", "abuse", "dissatisfied")
"""They say how somebody feels, not what happened."""

ABOUT_GOODS = frozenset({ComplaintKind.QUALITY, ComplaintKind.WRONG_ITEM})
MOST_ASKED = 2
"""Nobody is asked the same thing a third time: the fact stays open, and the agent sees that."""


def kind_of(heard: Heard, least: float) -> ComplaintKind:
    best = max(
        (intent for intent in heard.intents if intent.name in KINDS), key=lambda intent: intent.confidence, default=None
    )
    return KINDS[best.name] if best is not None and best.confidence >= least else ComplaintKind.OTHER


def missing(talk: Talk, complaint: Complaint) -> str | None:
    """The fact to ask for next; None: everything that matters is known, or was asked often enough."""
    fields = ASKED_OF_PREPARED if talk.memory.tone is Tone.PREPARED else ASKED_OF_ALL
    return next(
        (field for field in fields if _matters(talk, complaint, field) and complaint.tries.get(field, 0) < MOST_ASKED),
        None,
    )


def _matters(talk: Talk, complaint: Complaint, field: str) -> bool:
    facts, kind = complaint.facts, ComplaintKind(complaint.kind)
    rule = talk.policy.complaints[kind]
    match field:
        case "order":
            return "order" not in facts and (rule.needs_order or kind in ABOUT_GOODS)
        case "product":
            return kind in ABOUT_GOODS and "product" not in facts and facts.get("order") is None
        case "bought":
            return (
                "bought" not in facts and "order_date" not in facts and kind in {*ABOUT_GOODS, ComplaintKind.OVERCHARGE}
            )
        case "used":
            return kind is ComplaintKind.QUALITY and "used" not in facts
        case "reach":
            return "reach" not in facts and not _reachable(talk)
        case "proof":
            return facts.get("proof") == "needed" and not rule.person
        case _:
            return field not in facts


def _reachable(talk: Talk) -> bool:
    """A visitor who closes the page is gone; elsewhere the address itself reaches them."""
    if talk.turn.channel.scheme != "webchat":
        return True
    return any(address.startswith(("tel:", "mailto:")) for address in talk.turn.contact.addresses)


def absorb(talk: Talk, complaint: Complaint, heard: Heard) -> set[str]:
    """Take every fact that the words hold, whatever was asked; most that was told before stays. Returns what is new."""
    facts = complaint.facts
    before = dict(facts)
    if numbers := order_numbers(talk, heard):
        facts.setdefault("order", numbers[0])
        if facts["order"] is None:
            facts["order"] = numbers[0]
    if products := heard.values("product"):
        facts.setdefault("product", "; ".join(talk.product(product) for product in products[:3]))
    for field, words in _dates(heard, "bought" if complaint.asked == "bought" else "happened"):
        keep_date(talk, facts, field, words)
    if amount := heard.entity("amount"):
        facts.setdefault("amount", quote(amount.value, 40))
    if reach := [*heard.values("phone"), *heard.values("email")]:
        facts["reach"] = "; ".join(quote(address, 100) for address in reach[:2])
    elif _HERE.search(heard.text):
        facts.setdefault("reach", "here")
    if USED.search(heard.text) and complaint.kind != ComplaintKind.SERVICE:
        facts.setdefault("used", quote(_sentence_with(USED, heard.text), 200))
    if (wish := wish_in(heard, talk.policy.confidence.sure)) and (
        wish != "apology" or facts.get("wish") not in ("refund", "replacement")
    ):
        facts["wish"] = wish
    if heard.evidence:
        known = facts.get("evidence")
        kept = [item for item in known if isinstance(item, int)] if isinstance(known, list) else []
        facts["evidence"] = list[Json](dict.fromkeys([*kept, *heard.evidence]))[-20:]
    only_wants_to_complain = "what" not in facts and heard.confidence(*KINDS) >= talk.policy.confidence.sure
    if complaint.kind == ComplaintKind.OTHER or only_wants_to_complain:
        complaint.kind = kind_of(heard, talk.policy.confidence.maybe).value
        facts["kind"] = complaint.kind
    return {field for field, value in facts.items() if field not in before or before[field] != value}


def absorb_story(talk: Talk, complaint: Complaint, heard: Heard) -> None:
    """The first words, in the listening step: they are what happened, if they tell anything."""
    absorb(talk, complaint, heard)
    if heard.text:
        only_angry = (
            complaint.kind == ComplaintKind.OTHER and heard.confidence(*FEELINGS) >= talk.policy.confidence.sure
        )
        if complaint.kind in _TELLING or (tells_what(heard.text) and not only_angry):
            complaint.facts["what"] = quote(heard.text, 1000)


def is_correction(talk: Talk, complaint: Complaint, heard: Heard) -> bool:
    """It changes what was told before: an edited message, another order number, or plain words for it."""
    if heard.edited:
        return True
    if heard.confidence("correct_fact") >= talk.policy.confidence.sure:
        return not _tells_only_new(complaint, heard)
    known = complaint.facts.get("order")
    if known is not None and any(number != known for number in order_numbers(talk, heard)):
        return True
    return heard.confidence("correct_fact") >= talk.policy.confidence.maybe and _WRONG.match(heard.text) is not None


def _tells_only_new(complaint: Complaint, heard: Heard) -> bool:
    """Facts are in it, and none of them was known before: there is nothing to correct."""
    told = [field for entity in heard.entities if entity.kind != "date" for field in _FIELDS.get(entity.kind, ())]
    told += [field for field, _ in _dates(heard, _usual_date(complaint))]
    return bool(told) and all(complaint.facts.get(field) is None for field in told)


def _usual_date(complaint: Complaint) -> str:
    return "bought" if complaint.answered == "bought" else "happened"


def correct(talk: Talk, complaint: Complaint, heard: Heard) -> list[str]:
    """ "No, the order number is …": facts in the words replace those known. Returns which."""
    facts, changed = complaint.facts, list[str]()
    if numbers := order_numbers(talk, heard):
        facts["order"] = numbers[-1]
        for derived in ("order_date", "order_amount", "proof"):
            facts.pop(derived, None)
        changed.append("order")
    if products := heard.values("product"):
        facts["product"] = talk.product(products[-1])
        changed.append("product")
    for field, words in _dates(heard, _usual_date(complaint)):
        facts.pop(field, None)
        keep_date(talk, facts, field, words)
        changed.append(field)
    if amount := heard.entity("amount"):
        facts["amount"] = quote(amount.value, 40)
        changed.append("amount")
    if reach := [*heard.values("phone"), *heard.values("email")]:
        facts["reach"] = "; ".join(reach[:2])
        changed.append("reach")
    if wish := wish_in(heard, talk.policy.confidence.sure):
        facts["wish"] = wish
        changed.append("wish")
    return changed


def wish_in(heard: Heard, sure: float) -> str | None:
    wanted = _NOT_WANTED.sub(" ", heard.text)
    for kind, words in _WISH_WORDS:
        if words.search(wanted):
            return kind
    if wanted != heard.text:
        return None
    for wish in dict.fromkeys(WISHES.values()):
        if sum(intent.confidence for intent in heard.intents if WISHES.get(intent.name) == wish) >= sure:
            return wish
    return None


def detect_tone(talk: Talk, heard: Heard) -> Tone | None:
    """The prepared are told from the rest by what they bring, so they come first."""
    for tone in (Tone.PREPARED, Tone.STUBBORN, Tone.EMOTIONAL):
        if talk.policy.tones[tone].search(heard.text):
            return tone
    return Tone.EMOTIONAL if is_angry(talk, heard) else None


def is_angry(talk: Talk, heard: Heard) -> bool:
    """Whether with words about us or about the matter: the engine need not tell them apart."""
    return heard.confidence("anger") + heard.confidence("abuse") >= talk.policy.confidence.sure


def _dates(heard: Heard, usual: str) -> list[tuple[str, tuple[str, str]]]:
    """Each date with the fact it belongs to: near a word for buying it is the purchase, else the usual one."""
    found: list[tuple[str, tuple[str, str]]] = []
    for entity in heard.entities:
        if entity.kind == "date":
            at = max(heard.text.find(entity.text), 0)
            near = heard.text[max(at - 12, 0) : at + len(entity.text) + 8]
            found.append(("bought" if _BOUGHT.search(near) else usual, (entity.text, entity.value)))
    return found


def keep_date(talk: Talk, facts: dict[str, Json], field: str, words: tuple[str, str]) -> None:
    if facts.get(field) is not None:
        return
    text, value = words
    on = when.resolve(value, talk.now, talk.zone)
    facts[field] = f"{quote(text, 60)} ({on.isoformat()})" if on is not None else quote(text, 60)


def tells_what(text: str) -> bool:
    """More than "I want to complain"."""
    rest = _STOCK.sub(" ", text)
    return len(HAN.findall(rest)) >= 4 or len([word for word in rest.split() if len(word) > 1 and word.isalpha()]) >= 3


def _sentence_with(pattern: re.Pattern[str], text: str) -> str:
    return next((part for part in re.split(r"[。！？!?\n]|\. ", text) if pattern.search(part)), text)
