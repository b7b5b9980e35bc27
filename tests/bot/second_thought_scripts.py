"""Conversations of people who ask back, think again, ask several things at once, or have already moved on."""

from __future__ import annotations

from bot.turn import FollowUpKind
from tests.bot.complaint_scripts import ASKED, OPENED
from tests.bot.people import TELEGRAM, message, understood
from tests.bot.scripts import EN, HANS, HANT, NUMBER, ORDER, Line, Script, due, line
from tests.bot.sloppy_scripts import OPENED_QUALITY, PHONE, POT, SETTLED

CANCELLED = ("CancelFollowUps", "CancelFollowUps", "UpdateCase")
RESUMED = ("UpdateCase", "UpdateCase", "plan form_silence")
LEAKS = line(
    "the teapot leaks SL20260018",
    "complaint_quality",
    entities={"order_number": "SL20260018", "product": "teapot"},
    does=OPENED,
)
HEARD = due(FollowUpKind.LISTEN_SETTLED, says=("complaint.heard", "complaint.ask_proof"), does=ASKED)
WITHDRAWN = line("forget it", "cancel_form", says="complaint.cancelled", does=CANCELLED)
HOW_LONG = message(
    "发货要多久", understood(("order_status", 0.48), language=HANS, knowledge=[("shipping#delivery-time", 0.57)])
)
INVOICE = message("能开发票吗", understood("invoice_request", language=HANS, knowledge=[("payment#invoice", 1.0)]))
GREETING = message("你好", understood("greet", language=HANS))
DANCING = message("你们会跳舞吗", understood(("privacy_request", 0.38), language=HANS))

SECOND_THOUGHTS: tuple[Script, ...] = (
    Script(
        skill="requests",
        name="a wish to be forgotten in the midst of a complaint goes to people with all that was told",
        language=HANS,
        lines=(
            OPENED_QUALITY,
            SETTLED,
            line(
                "请删除我的个人信息",
                "privacy_request",
                language=HANS,
                says=("own_data.erasure_asked", "own_data.prove"),
                does=("open request", "UpdateCase", "CancelFollowUps", "CancelFollowUps", "hand off policy"),
            ),
        ),
    ),
    # Several questions at once
    Script(
        skill="knowledge",
        name="a greeting, a question that is half understood and one that is understood: both are answered",
        language=HANS,
        lines=(
            Line(
                messages=(GREETING, HOW_LONG, INVOICE),
                says=("knowledge.answer", "button.not_meant", "button.request"),
            ),
        ),
    ),
    Script(
        skill="knowledge",
        name="a question among others that nothing is known about is named",
        language=HANS,
        lines=(
            Line(
                messages=(
                    INVOICE,
                    message("茶叶会唱歌吗", understood("product_question", language=HANS)),
                ),
                says=("knowledge.answer", "clarify.rest"),
            ),
        ),
    ),
    Script(
        skill="knowledge",
        name="who asks for the phone number is told how to reach us, and who asks for a call gets a person",
        lines=(
            line(
                "do you have a phone number?",
                ("human_request", 0.8),
                knowledge=[("contact#reach-us", 1.0)],
                says=("knowledge.answer", "button.person"),
            ),
            line(
                "please call me, my phone number is 123",
                ("human_request", 0.8),
                knowledge=[("contact#reach-us", 1.0)],
                says="handoff.requested",
                does=("hand off requested",),
            ),
        ),
    ),
    Script(
        skill="requests",
        name="a plain yes to 'shall I do this for you' starts it, and an OK to the answer does not",
        lines=(
            line(
                "please delete my data",
                "privacy_request",
                knowledge=[("privacy#delete", 0.9)],
                says=("knowledge.answer", "button.request"),
            ),
            line("ok", "affirm", says="small.yes"),
            line(
                "yes really",
                "affirm",
                says=("own_data.erasure_asked", "own_data.prove"),
                does=("open request", "hand off policy"),
            ),
        ),
    ),
    Script(
        skill="clarification",
        name="what is not understood beside an answer is asked about by name",
        language=HANS,
        lines=(
            Line(messages=(INVOICE, DANCING), says=("knowledge.answer", "clarify.rest")),
            Line(messages=(HOW_LONG, GREETING), says=("knowledge.answer",)),
        ),
    ),
    Script(
        skill="knowledge",
        name="the thank you is louder than the question, and the question is answered",
        lines=(
            line(
                "how much is shipping? thank you so much!",
                ("thank", 0.6),
                ("shipping_question", 0.4),
                knowledge=[("shipping#shipping-cost", 0.9)],
                says="knowledge.answer",
            ),
            line("thank you so much!", "thank", says="small.thanks"),
        ),
    ),
    Script(
        skill="knowledge",
        name="a second answer that is none either leads to a person, not to an order number nobody asked for",
        language=HANS,
        lines=(
            line(
                "怎么退货",
                "return_request",
                language=HANS,
                knowledge=[("returns#how-to-return", 0.9), ("returns#return-shipping", 0.8)],
                says="knowledge.answer",
            ),
            line("不是我想问的", "deny", language=HANS, says=("knowledge.perhaps", "knowledge.answer")),
            line("还不是", "deny", language=HANS, says=("knowledge.no_more", "button.person")),
        ),
    ),
    Script(
        skill="knowledge",
        name="where there is no second answer they are asked for other words, and offered a person",
        language=HANT,
        lines=(
            line(
                "宅配要幾天會到？",
                "shipping_question",
                language=HANT,
                knowledge=[("shipping#delivery-time", 0.3), ("returns#no-reason", 0.27)],
                says="knowledge.answer",
            ),
            line("不是我要問的", "dissatisfied", language=HANT, says=("knowledge.no_more", "button.person")),
        ),
    ),
    # Why do you ask?
    Script(
        skill="orders",
        name="asked why, it says why; who rather would not tell is not pressed; and the digits still count",
        language=HANS,
        orders=(ORDER,),
        lines=(
            line("查订单 SL20260012", "order_status", language=HANS, entities=NUMBER, says="order.ask_proof"),
            line("凭什么要手机号", "account_problem", language=HANS, says="why.proof"),
            line("不方便", ("deny", 0.5), language=HANS, says=("order.no_proof", "button.person")),
            line("5678", language=None, says=("order.head", "order.status_shipped")),
        ),
    ),
    Script(
        skill="orders",
        name="why it is late is not why we ask",
        orders=(ORDER,),
        lines=(
            line("SL20260012?", "order_status", entities=NUMBER, says="order.ask_proof"),
            line("why do you need my phone number?", "privacy_request", says="why.proof"),
            line("why is it taking so long?", "complaint_delivery", does=OPENED),
        ),
    ),
    Script(
        skill="orders",
        name="asked for the number they ask what for",
        language=HANT,
        lines=(
            line("我的包裹到哪了", "order_status", language=HANT, says="order.ask_number"),
            line("為什麼要訂單編號？", ("order_status", 0.3), language=HANT, says="why.order"),
            line("沒有", "deny", language=HANT, says="order.no_number"),
        ),
    ),
    Script(
        skill="complaint",
        name="each question has its reason, and keeping something to oneself is an answer",
        orders=(POT,),
        lines=(
            LEAKS,
            HEARD,
            line("why do you need that?", ("deny", 0.3), says=("why.proof", "complaint.ask_proof")),
            line(
                "I won't give you my number",
                "privacy_request",
                says=("complaint.no_matter", "complaint.ask_happened"),
                does=ASKED,
            ),
            line("why?", says=("why.other", "complaint.ask_happened")),
            line("yesterday", entities={"date": "relative:-1d"}, says="complaint.ask_used", does=ASKED),
            line("never used", says="complaint.ask_wish", does=ASKED),
            line("refund", "refund_request", says="complaint.ask_reach", does=ASKED),
            line("what do you need that for?", says=("why.reach", "complaint.ask_reach")),
            line(
                "I'd rather not",
                "deny",
                says="handoff.policy",
                does=("UpdateCase", "UpdateCase", "CancelFollowUps", "CancelFollowUps", "hand off policy"),
            ),
        ),
    ),
    # Given up, and taken up again
    Script(
        skill="complaint",
        name="a complaint that was given up goes on in its own case, with all that was told",
        orders=(POT,),
        lines=(
            LEAKS,
            HEARD,
            WITHDRAWN,
            line(
                "I changed my mind, I do want to complain",
                "complaint_service",
                says=("complaint.taken_up", "complaint.ask_proof"),
                does=RESUMED,
            ),
            line("5678", language=None, says=("complaint.proof_thanks", "complaint.ask_happened"), does=ASKED),
        ),
    ),
    Script(
        skill="complaint",
        name="the same trouble again: is it the one that was given up? It is, and no new case is opened",
        orders=(POT,),
        lines=(
            LEAKS,
            HEARD,
            WITHDRAWN,
            line("the teapot really leaks", "complaint_quality", says=("complaint.resume_or_new", "button.resume")),
            line("the first one", says=("complaint.taken_up", "complaint.ask_proof"), does=RESUMED),
        ),
    ),
    Script(
        skill="complaint",
        name="it is something else: what was said about it opens its own case",
        orders=(POT,),
        lines=(
            LEAKS,
            HEARD,
            WITHDRAWN,
            line("and the tea smells of mould", "complaint_quality", says=("complaint.resume_or_new",)),
            line("2", language=None, does=OPENED),
            due(FollowUpKind.LISTEN_SETTLED, says=("complaint.heard", "complaint.ask_order"), does=ASKED),
        ),
    ),
    Script(
        skill="complaint",
        name="another order is another matter, without a question",
        orders=(POT, ORDER),
        lines=(
            LEAKS,
            HEARD,
            WITHDRAWN,
            line("SL20260012 smells of mould", "complaint_quality", entities=NUMBER, does=OPENED),
        ),
    ),
    Script(
        skill="complaint",
        name="it is all right now, thanks: that gives it up, and a thank you alone does not",
        language=HANS,
        lines=(
            OPENED_QUALITY,
            SETTLED,
            line("谢谢", "thank", language=HANS, says=("small.welcome", "complaint.back")),
            line("算了没事了谢谢", ("thank", 0.68), language=HANS, says="complaint.cancelled", does=CANCELLED),
        ),
    ),
    Script(
        skill="complaint",
        name="the order's number, told once more, is understood as that and no answer to the question",
        orders=(POT,),
        lines=(
            LEAKS,
            HEARD,
            line(
                "SL20260018",
                entities={"order_number": "SL20260018"},
                beyond=True,
                says=("complaint.noted_facts", "fact.order", "complaint.again_proof"),
                does=ASKED,
            ),
        ),
    ),
    Script(
        skill="complaint",
        name="it never was a complaint: it is closed, and what they wanted to know is answered",
        orders=(POT,),
        lines=(
            LEAKS,
            HEARD,
            line(
                "No, a misunderstanding. I don't have a complaint! I only want to know what it costs to return it.",
                "return_request",
                knowledge=[("returns#return-shipping", 0.8)],
                says=("complaint.cancelled", "knowledge.answer"),
                does=CANCELLED,
            ),
        ),
    ),
    Script(
        skill="complaint",
        name="that it never was a complaint is enough by itself",
        language=HANT,
        lines=(
            line("茶壺有一點漏水", "complaint_quality", language=HANT, entities={"product": "teapot"}, does=OPENED),
            due(FollowUpKind.LISTEN_SETTLED, says=("complaint.heard", "complaint.ask_order"), does=ASKED),
            line("我不是要投訴啦", "deny", language=HANT, says="complaint.cancelled", does=CANCELLED),
        ),
    ),
    Script(
        skill="complaint",
        name="who does not want to complain, but, does complain",
        orders=(POT,),
        lines=(
            LEAKS,
            HEARD,
            line(
                "I don't want to complain, but it leaks all over the table",
                "complaint_quality",
                says=("complaint.noted", "complaint.again_proof"),
                does=ASKED,
            ),
        ),
    ),
    Script(
        skill="fallback",
        name="a joke in the middle of a complaint is declined, and the question asked again is no second failure",
        language=HANS,
        lines=(
            OPENED_QUALITY,
            SETTLED,
            line(
                "讲个笑话",
                language=HANS,
                beyond=True,
                says=("fallback.out_of_scope", "complaint.back", "complaint.ask_order"),
            ),
            line("不知道", language=HANS, beyond=True, says="complaint.ask_happened", does=ASKED),
            line(
                "今天",
                language=HANS,
                beyond=True,
                entities={"date": "relative:0d"},
                says="complaint.ask_bought",
                does=ASKED,
            ),
        ),
    ),
    # Contacts are no language, and no advertisement
    Script(
        skill="complaint",
        name="a messenger's name is how to reach somebody: no advertisement, and no reason to speak English",
        language=HANS,
        lines=(
            line("客服态度很差", "complaint_service", language=HANS, does=OPENED),
            due(FollowUpKind.LISTEN_SETTLED, says=("complaint.heard", "complaint.ask_happened"), does=ASKED),
            line("昨天", language=HANS, entities={"date": "relative:-1d"}, says="complaint.ask_wish", does=ASKED),
            line("道歉", language=HANS, says="complaint.ask_reach", does=ASKED),
            line(
                "my LINE is: amy_chen88",
                ("spam", 0.65),
                language=EN,
                says=("complaint.propose", "offer.apology"),
                does=("UpdateCase", "UpdateCase", "UpdateCase", "plan form_silence"),
            ),
        ),
    ),
    # An invoice
    Script(
        skill="requests",
        name="after how to get an invoice, an order number asks for the invoice",
        lines=(
            line(
                "how do I get an invoice?",
                "invoice_request",
                knowledge=[("payment#invoice", 1.0)],
                says=("knowledge.answer", "button.request"),
            ),
            line("thanks", "thank", says="small.thanks"),
            line(
                "SL20260012",
                ("order_status", 0.36),
                language=None,
                entities=NUMBER,
                says="request.taken",
                does=("open request", "hand off policy"),
            ),
        ),
    ),
    Script(
        skill="requests",
        name="a company's name is part of the request, and where the order is stays a question of its own",
        language=HANS,
        orders=(ORDER,),
        channel=TELEGRAM,
        lines=(
            line(
                "发票怎么开",
                "invoice_request",
                language=HANS,
                knowledge=[("payment#invoice", 1.0)],
                says="knowledge.answer",
            ),
            line("SL20260012 到哪了", "order_status", language=HANS, entities=NUMBER, says="order.ask_proof"),
            line("5678", language=None, says="order.head"),
            line(
                "那发票呢",
                "invoice_request",
                language=HANS,
                knowledge=[("payment#invoice", 0.3)],
                says="knowledge.answer",
            ),
            line("山水科技有限公司", language=HANS, beyond=True, says="request.which_order"),
            line(
                "SL20260012",
                language=None,
                entities=NUMBER,
                says="request.taken",
                does=("open request", "hand off policy"),
            ),
        ),
    ),
    Script(
        skill="orders",
        name="how much longer, after an order was told, is about that order",
        orders=(ORDER,),
        lines=(
            line("SL20260012 5678", "order_status", entities=NUMBER, says="order.head"),
            line(
                "how much longer?",
                ("order_status", 0.3),
                knowledge=[("storage#opened", 0.75)],
                says=("order.head", "order.no_news"),
            ),
        ),
    ),
    # Nothing is open that could be corrected
    Script(
        skill="complaint",
        name="a long story that sounds like a correction is heard as the story that it is",
        language=HANS,
        lines=(
            line(
                "上个月买的龙井送给丈母娘，打开一看里面居然长虫了，你们得给个说法",
                ("correct_fact", 0.63),
                ("complaint_wrong_item", 0.3),
                ("complaint_quality", 0.07),
                language=HANS,
                entities=PHONE,
                does=OPENED,
            ),
        ),
    ),
    Script(
        skill="consent",
        name="do you have a newsletter? is a question, and no consent",
        lines=(
            line("do you have a newsletter?", ("start_marketing", 0.8), says="consent.ask"),
            line("no", "deny", says="consent.as_before"),
        ),
    ),
)
