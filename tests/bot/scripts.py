"""Conversations, line by line: what the customer says and what was understood, and what must be said and done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.assistant import Reply
from bot.turn import ChannelFacts, ContactFacts, FollowUpKind, Message, OrderFacts
from channels.envelope import Attachment, AttachmentKind, Event
from nlu.understanding import Language
from tests.bot.people import NIGHT, NOON, SMS, WEBCHAT, message, understood

EN, HANS, HANT = Language.EN, Language.ZH_HANS, Language.ZH_HANT


STRANGER = ContactFacts(id=7)


@dataclass(frozen=True, kw_only=True)
class Line:
    """One step: messages that arrive together, or a follow-up that is due."""

    messages: tuple[Message, ...] = ()
    due: FollowUpKind | None = None
    says: tuple[str, ...] = ()
    """Keys of the wordings that must be in what is said; empty: nothing is said."""
    does: tuple[str, ...] = ()
    """Everything else that is done, in this order."""
    kept: bool = False
    """The shop has kept its promises before this."""
    words: tuple[str, ...] = ()
    """What must be said word for word: the business's own assistant has no keys."""


@dataclass(frozen=True, kw_only=True)
class Script:
    """A conversation for one skill."""

    skill: str
    name: str
    lines: tuple[Line, ...]
    language: Language = EN
    channel: ChannelFacts = WEBCHAT
    contact: ContactFacts = STRANGER
    orders: tuple[OrderFacts, ...] = ()
    lookup_failure: str | None = None
    now: datetime = NOON
    assistant: Mapping[str, tuple[Reply, ...]] | None = None
    """What the business's own assistant answers, where there is one."""


def line(
    text: str,
    *intents: str | tuple[str, float],
    says: Sequence[str] | str = (),
    does: Sequence[str] = (),
    language: Language | None = EN,
    entities: Mapping[str, str] | Sequence[tuple[str, str]] = (),
    knowledge: Sequence[tuple[str, float]] = (),
    attachment: AttachmentKind | None = None,
    event: Event = Event.MESSAGE,
    start_parameter: str | None = None,
    beyond: bool = False,
    words: Sequence[str] = (),
) -> Line:
    """What a customer writes, and what comes of it."""
    attachments = (Attachment(kind=attachment, id="file-1"),) if attachment is not None else ()
    heard = message(
        text,
        understood(*intents, language=language, entities=entities, knowledge=knowledge, beyond=beyond),
        event=event,
        attachments=attachments,
        start_parameter=start_parameter,
    )
    return Line(messages=(heard,), says=_keys(says), does=tuple(does), words=tuple(words))


def due(kind: FollowUpKind, *, says: Sequence[str] | str = (), does: Sequence[str] = (), kept: bool = False) -> Line:
    """A follow-up comes due, and what comes of it."""
    return Line(due=kind, says=_keys(says), does=tuple(does), kept=kept)


def _keys(says: Sequence[str] | str) -> tuple[str, ...]:
    return (says,) if isinstance(says, str) else tuple(says)


ORDER = OrderFacts(
    number="SL20260012",
    date=NOON - timedelta(days=5),
    status="shipped",
    amount="129.00 CNY",
    items=(("longjing", 2),),
    tracking="SF1234567890",
    phone_ending="5678",
    mail="buyer@example.com",
)
MINE = OrderFacts(number="SL20260013", date=NOON - timedelta(days=2), status="packing", amount="88.00 CNY", mine=True)
MINE_TOO = OrderFacts(
    number="SL20260014", date=NOON - timedelta(days=9), status="delivered", amount="60.00 CNY", mine=True
)
HERS_TOO = replace(ORDER, number="SL20260015", status="delivered")
NUMBER = [("order_number", "SL20260012")]
PROVEN = ContactFacts(id=7, proven=True, addresses=("telegram:4242",))

EVERYDAY: tuple[Script, ...] = (
    # Small talk
    Script(
        skill="smalltalk",
        name="a first hello introduces the assistant, a second one does not",
        lines=(line("hi", "greet", says="small.hello"), line("hello?", "greet", says="small.hello_again")),
    ),
    Script(
        skill="smalltalk",
        name="asked whether it is a person it says that it is not",
        language=HANS,
        lines=(line("你是真人吗", "bot_identity", says="small.identity", language=HANS),),
    ),
    Script(
        skill="smalltalk",
        name="thanks, goodbye and how are you are answered in kind",
        language=HANT,
        lines=(
            line("你好嗎", "smalltalk_wellbeing", says="small.wellbeing", language=HANT),
            line("謝謝", "thank", says="small.thanks", language=HANT),
            line("掰掰", "goodbye", says="small.goodbye", language=HANT),
        ),
    ),
    Script(
        skill="smalltalk",
        name="the language of each message is the language of its answer, and a word that tells nothing keeps it",
        language=HANS,
        lines=(
            line("您好", "greet", language=HANS, says="small.hello"),
            line("OK", "thank", language=None, says="small.thanks"),
        ),
    ),
    # Knowledge
    Script(
        skill="knowledge",
        name="a question is answered with its source, and another answer is one button away",
        lines=(
            line(
                "how long does shipping take?",
                "shipping_question",
                knowledge=[("shipping#delivery-time", 0.9), ("returns#how-to-return", 0.4)],
                says="knowledge.answer",
            ),
            line("not what i meant", says=("knowledge.perhaps", "knowledge.answer")),
            line("Not what I meant", says="knowledge.no_more"),
            line("Talk to a person", says="handoff.requested", does=("hand off requested",)),
        ),
    ),
    Script(
        skill="knowledge",
        name="what the business has not written down is not made up",
        lines=(line("do you sell coffee?", "product_question", says="knowledge.none"),),
    ),
    Script(
        skill="knowledge",
        name="an answer that does not help is followed by the next one",
        lines=(
            line("delivery", "shipping_question", knowledge=[("shipping#delivery-time", 0.9)], says="knowledge.answer"),
            line("that's no use to me", "dissatisfied", says="knowledge.no_more"),
        ),
    ),
    Script(
        skill="knowledge",
        name="a broken pot right after an answer is a complaint and no fault of the answer",
        lines=(
            line("delivery", "shipping_question", knowledge=[("shipping#delivery-time", 0.9)], says="knowledge.answer"),
            line(
                "my teapot was broken when it came",
                ("dissatisfied", 0.63),
                ("complaint_delivery", 0.37),
                does=("open complaint", "plan listen_settled"),
            ),
        ),
    ),
    Script(
        skill="knowledge",
        name="a weak match counts where intent and file agree, and not where they do not",
        lines=(
            line(
                "how long?", "shipping_question", knowledge=[("shipping#delivery-time", 0.2)], says="knowledge.answer"
            ),
            line("how long?", "shipping_question", knowledge=[("tea#origin", 0.2)], says="knowledge.none"),
        ),
    ),
    # Opening hours
    Script(
        skill="opening",
        name="by day the shop is open",
        lines=(line("are you open?", "opening_hours", says="opening.open"),),
    ),
    Script(
        skill="opening",
        name="by night it says when somebody is back",
        now=NIGHT,
        language=HANS,
        lines=(line("几点上班", "opening_hours", says="opening.closed_until", language=HANS),),
    ),
    # Orders
    Script(
        skill="orders",
        name="a stranger proves an order with the last four digits of the buyer's phone",
        orders=(ORDER,),
        lines=(
            line("where is my order?", "order_status", says="order.ask_number"),
            line("sl20260012", says="order.ask_proof"),
            line("it's 5678", says=("order.head", "order.status_shipped", "order.tracking")),
        ),
    ),
    Script(
        skill="orders",
        name="number and digits in one sentence need no question",
        orders=(ORDER,),
        language=HANS,
        lines=(
            line(
                "查一下SL20260012，手机尾号 5678",
                "order_status",
                entities=NUMBER,
                language=HANS,
                says=("order.head", "order.status_shipped"),
            ),
        ),
    ),
    Script(
        skill="orders",
        name="a known customer who asks about two orders is told of both",
        orders=(MINE, MINE_TOO),
        contact=PROVEN,
        lines=(
            line(
                "where are SL20260013 and SL20260014?",
                "order_status",
                says=("order.head", "order.status_packing", "order.status_delivered"),
            ),
        ),
    ),
    Script(
        skill="orders",
        name="a stranger's second order waits behind the proof for the first, which may prove both",
        orders=(ORDER, HERS_TOO),
        lines=(
            line("SL20260012 and SL20260015, where are they?", "order_status", says="order.ask_proof"),
            line("5678", says=("order.status_shipped", "order.status_delivered")),
        ),
    ),
    Script(
        skill="orders",
        name="of two orders an unknown one is asked about again, and the other is not forgotten",
        orders=(MINE,),
        contact=PROVEN,
        lines=(
            line("where are SL20260099 and SL20260013?", "order_status", says="order.unknown"),
            line("sorry, SL20260013", says=("order.head", "order.status_packing")),
        ),
    ),
    Script(
        skill="orders",
        name="two wrong proofs tell nothing and bring a person",
        orders=(ORDER,),
        lines=(
            line("where is SL20260012?", "order_status", entities=NUMBER, says="order.ask_proof"),
            line("1111", says="order.wrong_proof"),
            line("2222", says="order.cannot_prove", does=("hand off policy",)),
        ),
    ),
    Script(
        skill="orders",
        name="a known customer with one order is told at once",
        orders=(MINE,),
        contact=PROVEN,
        lines=(line("where is my order?", "order_status", says=("order.head", "order.status_packing")),),
    ),
    Script(
        skill="orders",
        name="a known customer with several orders chooses one",
        orders=(MINE, MINE_TOO),
        contact=PROVEN,
        lines=(
            line("where is my order?", "order_status", says="order.which"),
            line("the second one", says=("order.head", "order.status_delivered")),
        ),
    ),
    Script(
        skill="orders",
        name="an unknown number is asked for once more, then a person is offered",
        lines=(
            line("where is SL99999999?", "order_status", says="order.unknown"),
            line("SL99999998", says="order.unknown_again"),
        ),
    ),
    Script(
        skill="orders",
        name="when the order system is down it says so",
        orders=(ORDER,),
        lookup_failure="timed out",
        lines=(line("where is SL20260012?", "order_status", entities=NUMBER, says="order.lookup_failed"),),
    ),
    Script(
        skill="orders",
        name="digits that are no order number are asked for again, and leaving off is allowed",
        lines=(
            line("where is my parcel", "order_status", says="order.ask_number"),
            line("12345", says="order.not_a_number"),
            line("forget it", "cancel_form", says="order.dropped"),
        ),
    ),
    # Requests
    Script(
        skill="requests",
        name="a cancellation asks for the order and goes to a person with a case",
        lines=(
            line("please cancel my order", "order_cancel", says="request.which_order"),
            line("SL20260012", entities=NUMBER, says="request.taken", does=("open request", "hand off policy")),
        ),
    ),
    Script(
        skill="requests",
        name="what is asked about the order that was told of just now is about that one",
        orders=(ORDER,),
        lines=(
            line("where is SL20260012?", "order_status", entities=NUMBER, says="order.ask_proof"),
            line("5678", language=None, says="order.head"),
            line("please cancel it", "order_cancel", says="request.taken", does=("open request", "hand off policy")),
        ),
    ),
    Script(
        skill="requests",
        name="another order than the one that was told of is asked for",
        orders=(ORDER,),
        lines=(
            line("where is SL20260012?", "order_status", entities=NUMBER, says="order.ask_proof"),
            line("5678", language=None, says="order.head"),
            line("please cancel my other order", "order_cancel", says="request.which_order"),
        ),
    ),
    Script(
        skill="requests",
        name="how returns work is explained first, with the request one button away",
        lines=(
            line(
                "how can I return tea?",
                "return_request",
                knowledge=[("returns#how-to-return", 0.9)],
                says="knowledge.answer",
            ),
            line("Yes, do this for me", says="request.which_order"),
        ),
    ),
    Script(
        skill="requests",
        name="an order number after the explanation means: do it",
        language=HANT,
        lines=(
            line(
                "我想退貨",
                "return_request",
                language=HANT,
                knowledge=[("returns#how-to-return", 0.9)],
                says="knowledge.answer",
            ),
            line("SL20260012", language=None, says="request.taken", does=("open request", "hand off policy")),
        ),
    ),
    Script(
        skill="requests",
        name="personal data are a person's business",
        lines=(
            line(
                "delete my data",
                "privacy_request",
                says=("own_data.erasure_asked", "own_data.prove"),
                does=("open request", "hand off policy"),
            ),
        ),
    ),
    # Consent
    Script(
        skill="consent",
        name="stop is recorded, confirmed and followed by silence about offers",
        lines=(
            line(
                "please don't send me offers any more", "stop_marketing", says="consent.stopped", does=("consent no",)
            ),
        ),
    ),
    Script(
        skill="consent",
        name="退订 alone is enough",
        language=HANS,
        lines=(line("退订", ("stop_marketing", 1.0), language=HANS, says="consent.stopped", does=("consent no",)),),
    ),
    Script(
        skill="consent",
        name="start is recorded",
        lines=(line("START", "start_marketing", says="consent.started", does=("consent yes",)),),
    ),
    Script(
        skill="consent",
        name="a yes counts only where we asked",
        lines=(
            line("yes", "affirm", says="small.yes"),
            line("maybe send me news", ("start_marketing", 0.4), says="clarify.ask"),
            line("1", says="consent.started", does=("consent yes",)),
        ),
    ),
    Script(
        skill="consent",
        name="cancel on SMS means stop",
        channel=SMS,
        lines=(line("CANCEL", ("stop_marketing", 1.0), says="consent.stopped@sms", does=("consent no",)),),
    ),
    # Hand-off
    Script(
        skill="handoff",
        name="whoever asks for a person gets one",
        lines=(
            line(
                "let me talk to a human",
                "human_request",
                says=("handoff.requested", "handoff.now"),
                does=("hand off requested",),
            ),
        ),
    ),
    Script(
        skill="handoff",
        name="at night it promises the next opening and plans to keep it",
        now=NIGHT,
        language=HANT,
        lines=(
            line(
                "我要找真人",
                "human_request",
                language=HANT,
                says=("handoff.requested", "handoff.when_open"),
                does=("hand off requested", "plan call_back"),
            ),
            due(FollowUpKind.CALL_BACK, says="handoff.open_now"),
        ),
    ),
    Script(
        skill="handoff",
        name="a legal threat becomes a case in a person's hands, even where no intent was seen",
        lines=(
            line(
                "You will hear from my lawyer.",
                says="handoff.legal",
                does=("open complaint", "hand off legal"),
            ),
        ),
    ),
    # Spam and abuse
    Script(
        skill="abuse",
        name="abuse is warned of once, then the address is blocked, without a case",
        lines=(
            line("insult", "abuse", says="abuse.warning"),
            line("insult", "abuse", does=("MarkSpam",)),
        ),
    ),
    Script(
        skill="abuse",
        name="advertisements likewise",
        language=HANS,
        lines=(
            line("加微信刷单", "spam", language=HANS, says="abuse.spam"),
            line("加微信刷单", "spam", language=HANS, does=("MarkSpam",)),
        ),
    ),
    # Satisfaction without a question of ours
    Script(
        skill="survey",
        name="praise is received with thanks",
        lines=(line("you're great", "satisfied", says="small.glad"),),
    ),
    # Attachments
    Script(
        skill="attachments",
        name="each kind is acknowledged for what it is",
        lines=(
            line("", language=None, attachment=AttachmentKind.IMAGE, says="attachment.picture"),
            line("", language=None, attachment=AttachmentKind.AUDIO, says="attachment.voice"),
            line("", language=None, attachment=AttachmentKind.FILE, says="attachment.file"),
            line("", language=None, attachment=AttachmentKind.LOCATION, says="attachment.location"),
            line("", language=None, attachment=AttachmentKind.CONTACT, says="attachment.contact"),
            line("", language=None, attachment=AttachmentKind.STICKER, says="attachment.sticker"),
            line("", language=None, says="attachment.nothing"),
        ),
        contact=ContactFacts(id=7, language=EN),
    ),
    # Clarification
    Script(
        skill="clarification",
        name="two guesses are offered before we say that we did not understand, and the words are not lost",
        orders=(ORDER,),
        lines=(
            line(
                "SL order thing",
                ("order_status", 0.4),
                ("order_cancel", 0.35),
                says=("clarify.ask", "intent.order_status", "intent.order_cancel"),
            ),
            line("第一个", says="order.ask_number"),
        ),
    ),
    Script(
        skill="clarification",
        name="something else asks for other words",
        lines=(
            line("hm", ("order_status", 0.4), says="clarify.ask"),
            line("2", says="clarify.then_what"),
        ),
    ),
    # Fallback
    Script(
        skill="fallback",
        name="the second misunderstanding in a row brings a person",
        lines=(
            line("qwertz", says="fallback.not_understood"),
            line("asdf", says="handoff.not_understood", does=("hand off not_understood",)),
        ),
    ),
    Script(
        skill="fallback",
        name="something understood in between starts the count again",
        lines=(
            line("qwertz", says="fallback.not_understood"),
            line("thanks", "thank", says="small.thanks"),
            line("asdf", says="fallback.not_understood"),
        ),
    ),
    Script(
        skill="fallback",
        name="the weather is not ours, however often it is asked, and nobody is called for it",
        lines=(
            line("what's the weather?", beyond=True, says="fallback.out_of_scope"),
            line("will it rain tomorrow?", beyond=True, entities={"date": "tomorrow"}, says="fallback.out_of_scope"),
            line("tell me a joke", beyond=True, says="fallback.out_of_scope"),
            line("asdf", says="fallback.not_understood"),
        ),
    ),
    Script(
        skill="fallback",
        name="what may be an answer, or holds an order, is no subject of another world",
        lines=(
            line("no idea", beyond=True, says="fallback.not_understood"),
            line("it is SL20260012", beyond=True, entities={"order_number": "SL20260012"}, says="order.unknown"),
        ),
    ),
    Script(
        skill="fallback",
        name="words of another language resemble ours by chance: no law is called for them",
        lines=(
            line(
                "Ik wil mijn geld terug",
                ("legal_threat", 0.6),
                ("pause", 0.26),
                language=None,
                says="fallback.languages",
            ),
        ),
    ),
    Script(
        skill="fallback",
        name="another language is told which ones we speak, and the second time a person comes",
        lines=(
            line(
                "Bonjour, je voudrais savoir où est ma commande",
                ("help", 0.48),
                language=None,
                says="fallback.languages",
            ),
            line(
                "¿dónde está mi pedido, por favor?",
                language=None,
                says="handoff.not_understood",
                does=("hand off not_understood",),
            ),
        ),
    ),
)
