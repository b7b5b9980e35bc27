"""Complaints, line by line, through all four steps."""

from __future__ import annotations

from datetime import timedelta

from bot.turn import ContactFacts, FollowUpKind, OrderFacts
from channels.envelope import AttachmentKind, Event
from tests.bot.people import NOON, SMS, TELEGRAM, WEBCHAT
from tests.bot.scripts import EN, HANS, HANT, NUMBER, ORDER, Line, Script, due, line

LISTENED = ("UpdateCase", "plan listen_settled")
OPENED = ("open complaint", "plan listen_settled")
ASKED = ("UpdateCase", "plan form_silence")
PROPOSED = ("UpdateCase", "UpdateCase", "UpdateCase", "plan form_silence")
PROMISED = ("CancelFollowUps", "UpdateCase", "MakePromise", "plan promise_reminder", "plan case_update")
TO_PEOPLE = ("UpdateCase", "CancelFollowUps", "CancelFollowUps")

OLD = OrderFacts(
    number="SL20260012",
    date=NOON - timedelta(days=200),
    status="delivered",
    amount="129.00 CNY",
    phone_ending="5678",
)
DEAR = OrderFacts(
    number="SL20260012", date=NOON - timedelta(days=3), status="delivered", amount="999.00 CNY", phone_ending="5678"
)

RECORDED: tuple[Line, ...] = (
    line(
        "My teapot cracked when I first used it, order SL20260012, phone 5678",
        "complaint_quality",
        entities=[*NUMBER, ("product", "teapot")],
        does=OPENED,
    ),
    due(FollowUpKind.LISTEN_SETTLED, says=("complaint.heard", "complaint.ask_happened"), does=ASKED),
    line("yesterday", entities={"date": "relative:-1d"}, says="complaint.ask_wish", does=ASKED),
)
"""Up to the question what is wished, on a channel that reaches the customer anyway."""

COMPLAINTS: tuple[Script, ...] = (
    Script(
        skill="complaint",
        name="three short lines get one answer, only what is missing is asked, and a promise is kept and asked about",
        language=HANS,
        orders=(ORDER,),
        lines=(
            line("紫砂壶裂了", "complaint_quality", language=HANS, entities={"product": "紫砂壶"}, does=OPENED),
            line("第一次用就漏水", language=HANS, does=LISTENED),
            line("太失望透顶了", "anger", language=HANS, does=LISTENED),
            due(FollowUpKind.LISTEN_SETTLED, says=("complaint.heard_emotional", "complaint.ask_order"), does=ASKED),
            line(
                "SL20260012，上周五发现的",
                language=HANS,
                entities=[*NUMBER, ("date", "weekday:-1:fri")],
                says=("complaint.noted_facts", "fact.happened", "complaint.ask_proof"),
                does=ASKED,
            ),
            line("5678", language=None, says=("complaint.proof_thanks", "complaint.ask_wish"), does=ASKED),
            line("２", language=None, says=("complaint.got_it", "complaint.ask_reach"), does=ASKED),
            line("在这里联系我就好", language=HANS, says="complaint.propose_emotional", does=PROPOSED),
            line("可以，就这样", language=HANS, says=("complaint.accepted", "offer.replacement"), does=PROMISED),
            due(FollowUpKind.PROMISE_REMINDER, does=("UpdateCase",)),
            due(FollowUpKind.CASE_UPDATE, kept=True, says="promise.kept", does=("UpdateCase", "plan survey")),
            due(FollowUpKind.SURVEY, says="survey.ask", does=("UpdateCase",)),
            line("非常满意", language=HANS, says="survey.thanks", does=("UpdateCase", "Resolve")),
        ),
    ),
    Script(
        skill="complaint",
        name="who surely complains is listened to, also where it is not sure what about, and a number is named",
        language=HANS,
        orders=(ORDER,),
        lines=(
            line(
                "我要投诉，收到的紫砂壶裂了，订单号SL20260012",
                ("complaint_service", 0.38),
                ("complaint_delivery", 0.27),
                ("order_status", 0.2),
                language=HANS,
                entities=[*NUMBER, ("product", "紫砂壶")],
                does=OPENED,
            ),
        ),
    ),
    Script(
        skill="complaint",
        name="several facts in one sentence leave few questions; the refund is within the authority and accepted",
        channel=TELEGRAM,
        orders=(ORDER,),
        lines=(
            *RECORDED,
            line("my money back", says=("complaint.propose", "offer.refund"), does=PROPOSED),
            line("yes please", "affirm", says="complaint.accepted", does=PROMISED),
        ),
    ),
    Script(
        skill="complaint",
        name="a declined proposal is followed by a second, a second refusal by a person",
        channel=SMS,
        orders=(ORDER,),
        lines=(
            *RECORDED,
            line("a replacement", says=("complaint.propose", "offer.replacement"), does=PROPOSED),
            line(
                "no",
                "deny",
                says=("complaint.propose_second", "offer.refund"),
                does=("UpdateCase", "UpdateCase", "plan form_silence"),
            ),
            line(
                "2",
                says="handoff.policy",
                does=("UpdateCase", *TO_PEOPLE, "hand off policy"),
            ),
        ),
    ),
    Script(
        skill="complaint",
        name="a refund beyond the authority is a person's decision",
        channel=TELEGRAM,
        orders=(DEAR,),
        lines=(
            *RECORDED,
            line(
                "refund please",
                "refund_request",
                says="handoff.policy",
                does=("UpdateCase", "UpdateCase", *TO_PEOPLE, "hand off policy"),
            ),
        ),
    ),
    Script(
        skill="complaint",
        name="what policy would decline is not declined by a machine",
        channel=TELEGRAM,
        orders=(OLD,),
        lines=(
            *RECORDED,
            line(
                "a replacement",
                says="handoff.unfounded",
                does=("UpdateCase", *TO_PEOPLE, "hand off unfounded"),
            ),
        ),
    ),
    Script(
        skill="complaint",
        name="a question in between is answered, and then we go back gently",
        channel=TELEGRAM,
        orders=(ORDER,),
        lines=(
            *RECORDED,
            line(
                "by the way, are you open now?",
                "opening_hours",
                says=("opening.open", "complaint.back", "complaint.ask_wish"),
            ),
            line("thanks", "thank", says=("small.welcome", "complaint.back", "complaint.ask_wish")),
            line("STOP", "stop_marketing", says="consent.stopped", does=("consent no",)),
        ),
    ),
    Script(
        skill="complaint",
        name="a number that is not known, and digits that are not the buyer's, are asked for once in a breath",
        orders=(ORDER,),
        lines=(
            line(
                "order SL11111111: the teapot arrived cracked",
                "complaint_quality",
                entities=[("order_number", "SL11111111"), ("product", "teapot")],
                does=OPENED,
            ),
            due(
                FollowUpKind.LISTEN_SETTLED,
                says=("complaint.heard", "complaint.order_unknown", "complaint.recheck_order"),
                does=ASKED,
            ),
            line("SL20260012", entities=NUMBER, says="complaint.ask_proof", does=ASKED),
            line("1111", language=None, says=("complaint.proof_wrong", "complaint.again_proof"), does=ASKED),
        ),
    ),
    Script(
        skill="complaint",
        name="a fact is corrected, by words and by editing the message",
        language=HANT,
        channel=TELEGRAM,
        orders=(ORDER,),
        lines=(
            line("包裹一直沒到", "complaint_delivery", language=HANT, does=OPENED),
            due(FollowUpKind.LISTEN_SETTLED, says=("complaint.heard", "complaint.ask_order"), does=ASKED),
            line("SL11111111", language=None, says=("complaint.order_unknown", "complaint.recheck_order"), does=ASKED),
            line("SL20260012 5678", language=None, entities=NUMBER, says="complaint.ask_happened", does=ASKED),
            line("上週", language=HANT, entities={"date": "relative:-1w"}, says="complaint.ask_wish", does=ASKED),
            line(
                "不對，是昨天",
                "correct_fact",
                language=HANT,
                entities={"date": "relative:-1d"},
                says=("complaint.corrected", "fact.happened", "complaint.ask_wish"),
                does=ASKED,
            ),
            line(
                "前天",
                language=HANT,
                event=Event.EDIT,
                entities={"date": "relative:-2d"},
                says=("complaint.corrected", "complaint.ask_wish"),
                does=ASKED,
            ),
        ),
    ),
    Script(
        skill="complaint",
        name="a pause is granted, silence reminded of once, and then a person goes on with what is known",
        channel=TELEGRAM,
        orders=(ORDER,),
        lines=(
            *RECORDED,
            line("hold on", "pause", says="complaint.paused", does=("plan form_silence",)),
            line("I'm back", "resume", says=("complaint.resumed", "complaint.ask_wish"), does=ASKED),
            due(
                FollowUpKind.FORM_SILENCE,
                says=("complaint.reminder", "complaint.ask_wish"),
                does=("plan form_silence",),
            ),
            due(FollowUpKind.FORM_SILENCE, says="complaint.silent", does=(*TO_PEOPLE, "hand off policy")),
        ),
    ),
    Script(
        skill="complaint",
        name="cancel inside the form cancels the form and is no word about offers",
        channel=TELEGRAM,
        orders=(ORDER,),
        lines=(
            *RECORDED,
            line("cancel", says="complaint.cancelled", does=("CancelFollowUps", "CancelFollowUps", "UpdateCase")),
        ),
    ),
    Script(
        skill="complaint",
        name="the prepared get few words, little to answer and a person early",
        channel=TELEGRAM,
        orders=(ORDER,),
        lines=(
            line(
                "The gaiwan arrived broken. I have screenshots of everything and expect an answer in writing.",
                "complaint_delivery",
                entities={"product": "gaiwan"},
                does=OPENED,
            ),
            due(FollowUpKind.LISTEN_SETTLED, says=("complaint.heard_prepared", "complaint.ask_order"), does=ASKED),
            line(
                "SL20260012",
                entities=NUMBER,
                says="complaint.person_early",
                does=("UpdateCase", *TO_PEOPLE, "hand off policy"),
            ),
        ),
    ),
    Script(
        skill="complaint",
        name="the stubborn are understood first and given reasons then",
        channel=TELEGRAM,
        contact=ContactFacts(id=7, tier="key"),
        lines=(
            line(
                "Your courier lady was rude to me yesterday and I insist on consequences",
                "complaint_service",
                entities={"date": "relative:-1d"},
                does=OPENED,
            ),
            due(FollowUpKind.LISTEN_SETTLED, says=("complaint.heard_stubborn", "complaint.ask_wish"), does=ASKED),
            line("An apology or explanation", says=("complaint.propose_stubborn", "offer.apology"), does=PROPOSED),
            line(
                "ok fine",
                "affirm",
                says="complaint.accepted_apology",
                does=("CancelFollowUps", "UpdateCase", "plan survey"),
            ),
        ),
    ),
    Script(
        skill="complaint",
        name="anger gets a calm word first and a person when it lasts",
        channel=TELEGRAM,
        orders=(ORDER,),
        lines=(
            *RECORDED,
            line("this is a joke!!", "anger", says=("complaint.calm", "complaint.ask_wish"), does=ASKED),
            line("you are useless!!", "abuse", says="handoff.anger", does=(*TO_PEOPLE, "hand off anger")),
        ),
    ),
    Script(
        skill="complaint",
        name="who goes on telling is heard, and a word after a pause is no answer",
        channel=TELEGRAM,
        lines=(
            line("you are a terrible shop!!!", "anger", does=OPENED),
            due(FollowUpKind.LISTEN_SETTLED, says=("complaint.heard_emotional", "complaint.ask_what"), does=ASKED),
            line(
                "I got jasmine tea instead of green tea", "complaint_wrong_item", says="complaint.ask_order", does=ASKED
            ),
            line(
                "and nobody answers the phone, that is really poor",
                "complaint_service",
                says=("complaint.noted", "complaint.again_order"),
                does=ASKED,
            ),
            line("blah blah", says=("complaint.sorry_again", "complaint.ask_product"), does=ASKED),
            line("wait a moment", "pause", says="complaint.paused", does=("plan form_silence",)),
            line("ok done", ("goodbye", 0.2), says="complaint.resumed", does=ASKED),
        ),
    ),
    Script(
        skill="complaint",
        name="a photo is kept as evidence",
        channel=TELEGRAM,
        orders=(ORDER,),
        lines=(
            *RECORDED,
            line(
                "",
                language=None,
                attachment=AttachmentKind.IMAGE,
                says=("complaint.evidence", "complaint.ask_wish"),
                does=ASKED,
            ),
        ),
    ),
    Script(
        skill="complaint",
        name="who only says that they want to complain is asked what happened, and need not know everything",
        channel=TELEGRAM,
        lines=(
            line("I want to complain", ("complaint_service", 0.8), does=OPENED),
            due(FollowUpKind.LISTEN_SETTLED, says=("complaint.heard", "complaint.ask_what"), does=ASKED),
            line("Nobody answered my three mails", says="complaint.ask_happened", does=ASKED),
            line("I don't know", says="complaint.ask_wish", does=ASKED),
            line("4", says="complaint.ask_wish_words", does=("plan form_silence",)),
            line("a call from your boss", says=("complaint.propose", "offer.voucher"), does=PROPOSED),
        ),
    ),
    Script(
        skill="complaint",
        name="an order system that is down is admitted, and a person decides",
        channel=TELEGRAM,
        orders=(ORDER,),
        lookup_failure="timed out",
        lines=(
            line("SL20260012 never came", "complaint_delivery", entities=NUMBER, does=OPENED),
            due(
                FollowUpKind.LISTEN_SETTLED,
                says=("complaint.heard", "complaint.lookup_failed", "complaint.ask_happened"),
                does=ASKED,
            ),
        ),
    ),
    Script(
        skill="complaint",
        name="facts that come before they are asked for are taken, and slips are corrected in plain words",
        language=HANS,
        lines=(
            line("紫砂壶裂了", "complaint_quality", language=HANS, entities={"product": "zisha"}, does=OPENED),
            due(FollowUpKind.LISTEN_SETTLED, says=("complaint.heard", "complaint.ask_order"), does=ASKED),
            line("SL11111111", language=None, says=("complaint.order_unknown", "complaint.recheck_order"), does=ASKED),
            line(
                "13800138000",
                language=None,
                entities={"phone": "13800138000"},
                says=("complaint.noted_facts", "fact.reach", "complaint.ask_happened"),
                does=ASKED,
            ),
            line(
                "不对，订单号是SL22222222",
                ("correct_fact", 0.49),
                language=HANS,
                says=("complaint.corrected", "complaint.order_not_found", "complaint.ask_happened"),
                does=ASKED,
            ),
            line("昨天", language=HANS, entities={"date": "relative:-1d"}, says="complaint.ask_bought", does=ASKED),
            line("上周", language=HANS, entities={"date": "relative:-1w"}, says="complaint.ask_used", does=ASKED),
            line("按说明开壶后第一次泡茶", language=HANS, says="complaint.ask_wish", does=ASKED),
            line(
                "退款",
                language=HANS,
                says="handoff.policy",
                does=("UpdateCase", *TO_PEOPLE, "hand off policy"),
            ),
        ),
    ),
    Script(
        skill="complaint",
        name="a day alone is when it happened, 'no thanks' to a phone number is here, no number is asked for thrice",
        channel=WEBCHAT,
        lines=(
            line(
                "the teapot I ordered last week leaks",
                "complaint_quality",
                entities={"product": "teapot", "date": "relative:-1w"},
                does=OPENED,
            ),
            due(FollowUpKind.LISTEN_SETTLED, says=("complaint.heard", "complaint.ask_order"), does=ASKED),
            line(
                "SL11111111",
                language=None,
                says=("complaint.order_unknown", "complaint.recheck_order"),
                does=ASKED,
            ),
            line("I only brewed tea in it", says=("complaint.noted_facts", "complaint.ask_happened"), does=ASKED),
            line("2 days ago", entities={"date": "relative:-2d"}, says="complaint.ask_wish", does=ASKED),
            line(
                "3 days ago",
                ("complaint_delivery", 0.8),
                entities={"date": "relative:-3d"},
                says=("complaint.noted_facts", "fact.happened", "complaint.ask_wish"),
                does=ASKED,
            ),
            line("a new one please", says="complaint.ask_reach", does=ASKED),
            line("no thanks", "deny", says="handoff.policy", does=("UpdateCase", *TO_PEOPLE, "hand off policy")),
        ),
    ),
    Script(
        skill="complaint",
        name="where the order is may be asked in the middle, and it is known which; no other number is an answer",
        channel=WEBCHAT,
        orders=(ORDER,),
        lines=(
            line("茶壶漏水", "complaint_quality", language=HANS, entities={"product": "茶壶"}, does=OPENED),
            due(FollowUpKind.LISTEN_SETTLED, says=("complaint.heard", "complaint.ask_order"), does=ASKED),
            line("SL11111111", language=None, says=("complaint.order_unknown", "complaint.recheck_order"), does=ASKED),
            line("没有别的号", language=HANS, says=("complaint.no_matter", "complaint.ask_happened"), does=ASKED),
            line("SL20260012", language=None, says="complaint.ask_proof", does=ASKED),
            line("5678", language=None, says=("complaint.proof_thanks", "complaint.again_happened"), does=ASKED),
            line(
                "什么时候到？",
                "order_status",
                language=HANS,
                says=("order.head", "complaint.back", "complaint.again_happened"),
            ),
        ),
        language=HANS,
    ),
    Script(
        skill="complaint",
        name="'no need' to the question for a number leaves no number, and does not withdraw the complaint",
        channel=WEBCHAT,
        language=HANS,
        lines=(
            line("包裹一直没到", "complaint_delivery", language=HANS, does=OPENED),
            due(FollowUpKind.LISTEN_SETTLED, says=("complaint.heard", "complaint.ask_order"), does=ASKED),
            line("不知道", language=HANS, says=("complaint.no_matter", "complaint.ask_happened"), does=ASKED),
            line("昨天", language=HANS, entities={"date": "relative:-1d"}, says="complaint.ask_wish", does=ASKED),
            line("退款", language=HANS, says="complaint.ask_reach", does=ASKED),
            line(
                "不用留了",
                ("cancel_form", 0.9),
                language=HANS,
                says="handoff.policy",
                does=("UpdateCase", *TO_PEOPLE, "hand off policy"),
            ),
        ),
    ),
    Script(
        skill="complaint",
        name="a day that sounds like a correction, and corrects nothing, is noted",
        lines=(
            line(
                "the teapot I bought two weeks ago leaks",
                "complaint_quality",
                entities={"product": "teapot", "date": "relative:-2w"},
                does=OPENED,
            ),
            due(FollowUpKind.LISTEN_SETTLED, says=("complaint.heard", "complaint.ask_order"), does=ASKED),
            line(
                "last friday",
                ("correct_fact", 0.8),
                entities={"date": "weekday:-1:fri"},
                says=("complaint.noted_facts", "fact.happened"),
                does=ASKED,
            ),
        ),
    ),
    Script(
        skill="complaint",
        name="a broken promise is owned up to and alerts people",
        channel=TELEGRAM,
        orders=(ORDER,),
        lines=(
            *RECORDED,
            line("my money back", says="complaint.propose", does=PROPOSED),
            line("1", says="complaint.accepted", does=PROMISED),
            line("any news?", "complaint_delivery", says="complaint.added_promise", does=("UpdateCase",)),
            due(
                FollowUpKind.CASE_UPDATE, says="handoff.promise_broken", does=("UpdateCase", "hand off promise_broken")
            ),
        ),
    ),
    Script(
        skill="survey",
        name="a bad score opens the case again and brings a person",
        channel=SMS,
        orders=(ORDER,),
        lines=(
            *RECORDED,
            line("my money back", says="complaint.propose", does=PROPOSED),
            line("1", says="complaint.accepted", does=PROMISED),
            due(FollowUpKind.CASE_UPDATE, kept=True, says="promise.kept", does=("UpdateCase", "plan survey")),
            due(FollowUpKind.SURVEY, says="survey.ask", does=("UpdateCase",)),
            line("1/5", says="handoff.bad_score", does=("UpdateCase", "hand off bad_score", "plan call_back")),
        ),
    ),
    Script(
        skill="survey",
        name="the question is answered in words too",
        channel=TELEGRAM,
        orders=(ORDER,),
        language=EN,
        lines=(
            *RECORDED,
            line("my money back", says="complaint.propose", does=PROPOSED),
            line("1", says="complaint.accepted", does=PROMISED),
            due(FollowUpKind.CASE_UPDATE, kept=True, says="promise.kept", does=("UpdateCase", "plan survey")),
            due(FollowUpKind.SURVEY, says="survey.ask", does=("UpdateCase",)),
            line("very happy with it", "satisfied", says="survey.thanks", does=("UpdateCase", "Resolve")),
        ),
    ),
)
