"""Conversations as people write them: out of order, in fragments, beside the question; each was once answered badly."""

from __future__ import annotations

from datetime import timedelta

from bot.turn import FollowUpKind, OrderFacts
from channels.envelope import AttachmentKind
from tests.bot.complaint_scripts import ASKED, LISTENED, OPENED, PROMISED, PROPOSED
from tests.bot.people import NOON, TELEGRAM
from tests.bot.scripts import EN, HANS, HANT, NUMBER, ORDER, Script, due, line

POT = OrderFacts(
    number="SL20260018",
    date=NOON - timedelta(days=5),
    status="delivered",
    amount="168.00 CNY",
    items=(("zisha", 1),),
    phone_ending="5678",
)
PHONE = {"phone": "+8613812345678"}
YESTERDAY = {"date": "relative:-1d"}
OPENED_QUALITY = line("紫砂壶漏水", "complaint_quality", language=HANS, entities={"product": "紫砂壶"}, does=OPENED)
SETTLED = due(FollowUpKind.LISTEN_SETTLED, says=("complaint.heard", "complaint.ask_order"), does=ASKED)

SLOPPY: tuple[Script, ...] = (
    Script(
        skill="complaint",
        name="asked for the order they tell a phone, a wish and a day: each is thanked for, and the phone proves",
        language=HANS,
        orders=(POT,),
        lines=(
            OPENED_QUALITY,
            SETTLED,
            line(
                "+8613812345678",
                language=None,
                entities=PHONE,
                says=("complaint.noted_facts", "fact.reach", "complaint.again_order"),
                does=ASKED,
            ),
            line(
                "退钱",
                "refund_request",
                language=HANS,
                says=("complaint.noted_facts", "fact.wish", "complaint.ask_happened"),
                does=ASKED,
            ),
            line("relative:-1d", language=HANS, entities=YESTERDAY, says="complaint.ask_bought", does=ASKED),
            line(
                "SL 2026 0018",
                ("order_status", 0.3),
                language=None,
                says=("complaint.noted_facts", "fact.order", "complaint.ask_used"),
                does=ASKED,
            ),
            line(
                "没怎么用，就泡了一次",
                language=HANS,
                says=("complaint.propose", "offer.refund"),
                does=PROPOSED,
            ),
            line("好的谢谢", "thank", language=HANS, says="complaint.accepted", does=PROMISED),
        ),
    ),
    Script(
        skill="complaint",
        name="what is no time is no date of purchase, and what is no use is not how it was used",
        language=HANS,
        lines=(
            OPENED_QUALITY,
            SETTLED,
            line("不知道", language=HANS, says=("complaint.no_matter", "complaint.ask_happened"), does=ASKED),
            line("刚刚", "resume", language=HANS, says=("complaint.got_it", "complaint.ask_bought"), does=ASKED),
            line(
                "还没喝，刚打开",
                language=HANS,
                says=("complaint.noted_facts", "fact.used", "complaint.again_bought"),
                does=ASKED,
            ),
            line(
                "就用这里联系我吧",
                ("affirm", 0.6),
                language=HANS,
                says=("complaint.noted_facts", "fact.reach", "complaint.ask_wish"),
                does=ASKED,
            ),
            line("没喝", language=HANS, says=("complaint.sorry_again", "complaint.again_wish"), does=ASKED),
        ),
    ),
    Script(
        skill="complaint",
        name="a yes and a number say neither when nor how to be reached, and nothing is asked a third time",
        orders=(ORDER,),
        lines=(
            line("parcel came smashed SL20260012 5678", "complaint_delivery", entities=NUMBER, does=OPENED),
            due(FollowUpKind.LISTEN_SETTLED, says=("complaint.heard", "complaint.ask_happened"), does=ASKED),
            line("yes please", "affirm", says=("complaint.sorry_again", "complaint.again_happened"), does=ASKED),
            line("2", language=None, says=("complaint.sorry_again", "complaint.ask_wish"), does=ASKED),
            line(
                "the bag was torn, tea everywhere",
                "complaint_delivery",
                says=("complaint.noted", "complaint.again_wish"),
                does=ASKED,
            ),
            line("can i get my money back?", "refund_request", says="complaint.ask_reach", does=ASKED),
            line("yes please", "affirm", says="complaint.again_reach", does=ASKED),
            line("here", says=("complaint.propose", "offer.refund"), does=PROPOSED),
            line("sounds good, thanks", ("thank", 0.5), says="complaint.accepted", does=PROMISED),
            line("any news?", "order_status", says="complaint.added_promise", does=("UpdateCase",)),
        ),
    ),
    Script(
        skill="complaint",
        name="no refund is not a refund, and a clearer wish takes the place of the one before",
        language=HANS,
        channel=TELEGRAM,
        orders=(POT,),
        lines=(
            OPENED_QUALITY,
            SETTLED,
            line("SL20260018", language=None, says=("complaint.got_it", "complaint.ask_proof"), does=ASKED),
            line("凭什么要手机号", "anger", language=HANS, says=("why.proof", "complaint.ask_proof")),
            line("5678", language=None, says=("complaint.proof_thanks", "complaint.ask_happened"), does=ASKED),
            line("昨天", language=HANS, entities=[("date", "relative:-1d")], says="complaint.ask_used", does=ASKED),
            line("泡过一次", language=HANS, says="complaint.ask_wish", does=ASKED),
            line(
                "换一个，不要退款",
                ("refund_request", 0.8),
                language=HANS,
                says=("complaint.propose", "offer.replacement"),
                does=PROPOSED,
            ),
        ),
    ),
    Script(
        skill="complaint",
        name="a number corrects although they say wait, and a first number after it is no correction",
        orders=(ORDER, POT),
        lines=(
            line("you sent jasmine instead of longjing", "complaint_wrong_item", does=OPENED),
            due(FollowUpKind.LISTEN_SETTLED, says=("complaint.heard", "complaint.ask_order"), does=ASKED),
            line(
                "SL20260018",
                "correct_fact",
                language=None,
                entities=[("order_number", "SL20260018")],
                says=("complaint.got_it", "complaint.ask_proof"),
                does=ASKED,
            ),
            line(
                "no wait SL20260012",
                "pause",
                entities=NUMBER,
                says=("complaint.corrected", "fact.order", "complaint.ask_proof"),
                does=ASKED,
            ),
        ),
    ),
    Script(
        skill="complaint",
        name="is anybody there gets a word and not an excuse, and is not nagged without end",
        language=HANS,
        lines=(
            OPENED_QUALITY,
            SETTLED,
            line("？？", ("smalltalk_wellbeing", 0.7), language=None, says=("small.here", "complaint.ask_order")),
            line("在吗", "greet", language=HANS, says=("small.here", "complaint.ask_order")),
            line("人呢", "greet", language=HANS, says="small.here"),
        ),
    ),
    Script(
        skill="complaint",
        name="how long a refund takes may be asked in the middle, although it sounds like a request",
        language=HANT,
        channel=TELEGRAM,
        lines=(
            line("紫砂壺有裂痕", "complaint_quality", language=HANT, entities={"product": "紫砂壺"}, does=OPENED),
            line("很失望", "dissatisfied", language=HANT, does=LISTENED),
            SETTLED,
            line(
                "退款多久到帳？",
                "refund_request",
                language=HANT,
                knowledge=[("returns#refund-time", 0.9)],
                says=("knowledge.answer", "complaint.back", "complaint.ask_order"),
            ),
        ),
    ),
    Script(
        skill="complaint",
        name="pictures alone do not use up a question",
        channel=TELEGRAM,
        lines=(
            line("my gaiwan cracked", "complaint_quality", entities={"product": "gaiwan"}, does=OPENED),
            SETTLED,
            line("", language=None, attachment=AttachmentKind.IMAGE, says="complaint.ask_order", does=ASKED),
            line("", language=None, attachment=AttachmentKind.IMAGE, says="complaint.ask_order", does=ASKED),
        ),
    ),
    Script(
        skill="complaint",
        name="a broken thing and money back in one breath is a complaint",
        language=HANS,
        lines=(
            line(
                "收到全碎了，给我换一个",
                ("exchange_request", 0.6),
                ("complaint_delivery", 0.3),
                language=HANS,
                does=OPENED,
            ),
        ),
    ),
    Script(
        skill="orders",
        name="an order that was told is known: asked again it says what more there is, and a complaint is about it",
        channel=TELEGRAM,
        orders=(ORDER,),
        lines=(
            line("SL 20260012, 5678", "order_status", says="order.status_shipped"),
            line("when will it come?", "order_status", says=("order.status_shipped", "order.no_news")),
            line("it is late", "complaint_delivery", does=OPENED),
            due(FollowUpKind.LISTEN_SETTLED, says=("complaint.heard", "complaint.ask_happened"), does=ASKED),
        ),
    ),
    Script(
        skill="complaint",
        name="who only wanted to complain is understood by what they tell then, and the order asked about is the one",
        language=HANT,
        channel=TELEGRAM,
        orders=(POT,),
        lines=(
            line("查一下SL20260018", "order_status", language=HANT, says="order.ask_proof"),
            line("我要客訴", "complaint_service", language=HANT, does=OPENED),
            due(FollowUpKind.LISTEN_SETTLED, says=("complaint.heard", "complaint.ask_what"), does=ASKED),
            line(
                "茶壺有裂痕，很失望",
                "complaint_quality",
                language=HANT,
                says=("complaint.sorry_to_hear", "complaint.ask_proof"),
                does=ASKED,
            ),
            line("5678", language=None, says=("complaint.proof_thanks", "complaint.ask_happened"), does=ASKED),
            line("relative:-1d", language=None, entities=YESTERDAY, says="complaint.ask_used", does=ASKED),
        ),
    ),
    Script(
        skill="orders",
        name="who does not have the number or the digits is not asked in circles",
        orders=(ORDER,),
        lines=(
            line("where is my order", "order_status", says="order.ask_number"),
            line("dunno", ("deny", 0.2), says="order.no_number"),
            line("20260012", language=None, says="order.ask_proof"),
            line("no idea", says="order.no_proof"),
            line("5678", language=None, says="order.status_shipped"),
        ),
    ),
    Script(
        skill="clarification",
        name="facts after a guess confirm it, and so does a yes",
        language=EN,
        lines=(
            line("u sent me jasmine", ("complaint_wrong_item", 0.5), says="clarify.ask"),
            line("SL20260012", entities=NUMBER, language=None, does=OPENED),
        ),
    ),
    Script(
        skill="clarification",
        name="a yes to the only guess takes it",
        lines=(
            line("tea bad", ("complaint_quality", 0.5), says="clarify.ask"),
            line("yes", "affirm", does=OPENED),
        ),
    ),
    Script(
        skill="attachments",
        name="a phone number alone is kept and asked about",
        language=HANS,
        lines=(line("+8613812345678", language=None, entities=PHONE, says="attachment.address"),),
    ),
    Script(
        skill="knowledge",
        name="that is not what I asked brings the next answer, and not a goodbye",
        language=HANS,
        lines=(
            line(
                "多久能到",
                "shipping_question",
                language=HANS,
                knowledge=[("shipping#delivery-time", 0.8), ("shipping#dispatch", 0.5)],
                says="knowledge.answer",
            ),
            line(
                "不是这个意思",
                ("deny", 0.6),
                language=HANS,
                says=("knowledge.perhaps", "knowledge.answer"),
            ),
        ),
    ),
)
