"""The engine: pure, tolerant, and never talking over people."""

from __future__ import annotations

import pickle
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.choices import meant, pressed
from bot.effects import HandOff, Ignore, LearnAboutContact, LinkByCode, RecordConsent, Remember, Say
from bot.engine import overhear, respond
from bot.heard import Heard
from bot.memory import Choice, Memory, Option
from bot.turn import (
    CaseFacts,
    CaseKind,
    CaseStatus,
    ChannelFacts,
    ContactFacts,
    FollowUpDue,
    FollowUpKind,
    Json,
    Owner,
    Promise,
    Step,
)
from channels.envelope import Event
from nlu.understanding import Intent, Language
from tests.bot.complaint_scripts import COMPLAINTS
from tests.bot.house import House, deeds, said, says
from tests.bot.people import MAIL, NOON, SMS, WEBCHAT, message, shop, turn, understood
from tests.bot.scripts import EVERYDAY, ORDER
from tests.bot.sloppy_scripts import SLOPPY

HI = message("hi", understood("greet"))


def test_the_same_turn_has_the_same_effects_byte_for_byte() -> None:
    for script in (*EVERYDAY, *COMPLAINTS, *SLOPPY):
        house = House(
            channel=script.channel,
            contact=script.contact,
            orders=script.orders,
            lookup_failure=script.lookup_failure,
            now=script.now,
        )
        for line in script.lines:
            if line.kept:
                house.keep_promises()
            _ = house.come_back(line.due) if line.due is not None else house.hear(*line.messages)
        for step in house.turns:
            before = pickle.dumps(step)
            assert pickle.dumps(respond(step, shop())) == pickle.dumps(respond(step, shop()))
            assert pickle.dumps(step) == before, "the Turn itself is left as it was"


def test_the_seed_chooses_the_words() -> None:
    greetings = {said(respond(turn(HI, seed=seed, first=True), shop())) for seed in range(10)}
    assert len(greetings) == len(shop().texts[Language.EN]["small.hello"])


@pytest.mark.parametrize(
    "memory",
    [
        {"version": 0, "choice": 1},
        {"version": 99},
        {"version": 1, "choice": {"serial": "x", "options": "no"}, "complaint": {"case": "C-1", "step": "dance"}},
        {
            "version": 1,
            "complaint": {"case": "C-1", "step": "record", "kind": "quality", "facts": [1], "tries": {"what": "x"}},
        },
        {"version": 1, "complaint": {"case": "C-1", "step": "propose", "kind": "quality", "facts": {"offer": 3}}},
        {"version": 1, "order": {"asks": [], "number": None}},
        {"version": 1, "language": "xx", "tone": 7, "serial": -1, "knowledge": {"a": 1}, "survey": 5},
        {"version": 1, "choice": {"serial": 1, "options": [["a", "no such skill", "x", ""]]}},
        {"nonsense": [None, {"deep": [1.5]}]},
    ],
)
def test_a_memory_that_cannot_be_read_starts_afresh(memory: dict[str, Json]) -> None:
    for text, intents in (("hello", "greet"), ("1", "affirm"), ("SL20260012", "correct_fact"), ("", "deny")):
        effects = respond(turn(message(text, understood(intents)), memory=memory), shop())
        assert effects


def test_what_is_remembered_is_read_back_as_it_was() -> None:
    for script in COMPLAINTS:
        house = House(channel=script.channel, contact=script.contact, orders=script.orders)
        for line in script.lines[:6]:
            _ = house.come_back(line.due) if line.due is not None else house.hear(*line.messages)
            assert Memory.read(house.memory).write() == house.memory


CHOICE = Choice(
    serial=4,
    options=(
        Option("Yes, please", "complaint", "accept"),
        Option("不接受", "complaint", "decline"),
        Option("Talk to a person", "handoff", "person"),
    ),
)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("2", 2),
        ("２", 2),
        ("二", 2),
        ("第二个", 2),
        ("第二個", 2),
        ("2.", 2),
        ("(2)", 2),
        ("选2", 2),
        ("option 2", 2),
        ("the second one", 2),
        ("Second", 2),
        ("②", 2),
        ("两", 2),
        ("三", 3),
        ("the third", 3),
        ("1", 1),
        ("one", 1),
        ("yes please", 1),
        ("YES, PLEASE!", 1),
        ("不接受", 2),
        ("talk to a person", 3),
        ("4", None),
        ("0", None),
        ("20", None),
        ("", None),
        ("2 of them were broken", None),
        ("二手的", None),
        ("my number is 1", None),
        ("¹²³", None),
        ("1" * 500, None),
    ],
)
def test_a_choice_is_answered_by_number_ordinal_or_label(text: str, number: int | None) -> None:
    expected = None if number is None else CHOICE.options[number - 1]
    assert meant(CHOICE, Heard(text=text), 0.5) == expected


def test_yes_and_no_choose_where_there_is_something_to_accept() -> None:
    def says_intent(name: str) -> Heard:
        return Heard(text="sure thing", intents=(Intent(name=name, confidence=0.9),))

    assert meant(CHOICE, says_intent("affirm"), 0.5) == CHOICE.options[0]
    assert meant(CHOICE, says_intent("deny"), 0.5) == CHOICE.options[1]
    assert meant(CHOICE, says_intent("greet"), 0.5) is None


@pytest.mark.parametrize(
    "token", ["choice:3:1", "choice:4:0", "choice:4:9", "choice:4:1x", "choice::", "admin:1", "", "CHOICE:4:1"]
)
def test_an_old_or_forged_button_chooses_nothing(token: str) -> None:
    assert pressed(CHOICE, token) is None
    assert pressed(None, "choice:4:1") is None
    assert pressed(CHOICE, "choice:4:1") == CHOICE.options[0]


@pytest.mark.parametrize("token", ["choice:1:1", "choice:99:1", "refund:everything", "accept", "\x00"])
def test_a_forged_button_grants_nothing(token: str) -> None:
    press = message(token, event=Event.CALLBACK)
    effects = respond(turn(press, contact=ContactFacts(id=7, language=Language.EN)), shop())
    assert deeds(effects) == []
    assert says(said(effects), "choice.gone", Language.EN)


def test_an_old_button_repeats_the_open_question() -> None:
    house = House()
    house.hear(message("blah", understood()))
    house.hear(message("thanks", understood("thank")))
    effects = house.hear(message("choice:0:1", event=Event.CALLBACK))
    assert says(said(effects), "choice.gone_ask_again", Language.EN)
    assert says(said(effects), "button.person", Language.EN)


def test_a_button_is_pressed_on_any_channel() -> None:
    house = House()
    effects = house.hear(message("blah", understood()))
    value = next(effect for effect in effects if isinstance(effect, Say)).buttons[0].value
    assert deeds(house.hear(message(value, event=Event.CALLBACK))) == ["hand off requested"]


@pytest.mark.parametrize("language", list(Language))
def test_a_text_message_gets_the_short_form_where_there_is_one(language: Language) -> None:
    texts, entry = shop().texts[language], shop().entry("shipping#tracking", language)
    assert entry is not None
    assert entry.short is not None
    name = {"business": shop().policy.name[language]}
    known = understood("shipping_question", language=language, knowledge=[("shipping#tracking", 0.9)])
    for heard, whole, short in (
        (
            message("what now", understood("help", language=language)),
            texts["small.help"][0].say(name),
            texts["small.help@sms"][0].say(name),
        ),
        (message("where", known), entry.answer, entry.short),
    ):
        (by_text,) = (each.text for each in respond(turn(heard, channel=SMS), shop()) if isinstance(each, Say))
        (by_chat,) = (each.text for each in respond(turn(heard, channel=WEBCHAT), shop()) if isinstance(each, Say))
        assert (whole in by_chat, short in by_chat) == (True, False)
        assert (whole in by_text, short in by_text) == (False, True)


def test_a_channel_without_buttons_gets_a_numbered_list() -> None:
    effects = respond(turn(message("blah", understood()), channel=SMS), shop())
    text = said(effects)
    assert "\n1. Talk to a person\n2. " in text
    assert not any(effect.buttons for effect in effects if isinstance(effect, Say))


def test_a_number_long_after_the_question_is_no_answer_to_it() -> None:
    house = House()
    house.hear(message("blah", understood()))
    for _ in range(3):
        house.hear(message("thanks", understood("thank")))
    assert deeds(house.hear(message("1", understood()))) == []


def test_both_needs_of_a_turn_are_met() -> None:
    ask = message("are you open?", understood("opening_hours"))
    where = message("and where is my parcel?", understood("order_status"))
    text = said(respond(turn(HI, ask, where), shop()))
    assert says(text, "opening.open", Language.EN)
    assert says(text, "order.ask_number", Language.EN)
    assert not says(text, "small.hello_again", Language.EN)


def test_two_courtesies_at_once_are_courtesies() -> None:
    """What was hardly guessed at all does not push manners aside."""
    thanks = message("thank you", understood(("thank", 0.97), ("satisfied", 0.02)))
    morning = message("good morning", understood(("greet", 0.96), ("abuse", 0.01)))
    effects = respond(turn(thanks, morning), shop())
    assert {effect.skill for effect in effects if isinstance(effect, Say)} == {"smalltalk"}


def test_two_questions_at_once_get_two_answers() -> None:
    delivery = message(
        "how long is delivery?", understood("shipping_question", knowledge=[("shipping#delivery-time", 0.8)])
    )
    invoice = message("can I get an invoice?", understood("invoice_request", knowledge=[("payment#invoice", 0.8)]))
    text = said(respond(turn(delivery, invoice), shop()))
    assert "invoice" in text.lower()
    assert "days" in text.lower()


def test_a_stop_among_other_messages_acts_and_the_others_are_answered() -> None:
    stop = message("STOP", understood("stop_marketing"))
    effects = respond(turn(message("are you open?", understood("opening_hours")), stop), shop())
    assert [effect.words for effect in effects if isinstance(effect, RecordConsent)] == ["STOP"]
    assert says(said(effects), "opening.open", Language.EN)


def test_who_asks_for_a_person_among_other_lines_gets_one() -> None:
    broken = message("my teapot is broken", understood("complaint_quality"))
    person = message("a human please", understood(("human_request", 0.7)))
    assert deeds(respond(turn(broken, person), shop())) == ["hand off requested"]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("你好，我要投诉，茶叶发霉了，马上给我转人工！", Language.ZH_HANS),
        ("茶葉發霉了，幫我轉人工", Language.ZH_HANT),
        ("the tea is moldy and I want to talk to a human right now", Language.EN),
    ],
)
def test_who_asks_for_a_person_in_the_midst_of_a_complaint_gets_one(text: str, language: Language) -> None:
    said = message(text, understood("complaint_quality", language=language))
    assert deeds(respond(turn(said), shop())) == ["hand off requested"]


@pytest.mark.parametrize(
    "text",
    [
        "茶叶发霉了，不用转人工",
        "it is moldy, but I do not want to talk to a human about it",
        "茶叶发霉了，检测还要人工费吗",
        "茶葉發霉了，退貨要人工智慧審核嗎",
    ],
)
def test_who_declines_a_person_or_speaks_of_something_else_gets_none(text: str) -> None:
    said = message(text, understood("complaint_quality"))
    assert "hand off requested" not in deeds(respond(turn(said), shop()))


def test_a_second_stop_is_recorded_and_not_celebrated() -> None:
    contact = ContactFacts(id=7, stopped=True, marketing=False)
    effects = respond(turn(message("STOP", understood("stop_marketing")), contact=contact), shop())
    assert deeds(effects) == ["consent no"]
    assert says(said(effects), "consent.stopped_already", Language.EN)


@pytest.mark.parametrize("owner", [Owner.QUEUE, Owner.AGENT])
def test_a_stop_to_people_is_recorded_and_confirmed_once_and_nothing_else_is_said(owner: Owner) -> None:
    stop = message("退订", understood(("stop_marketing", 1.0), language=Language.ZH_HANS))
    effects = overhear(turn(stop, stop, owner=owner, channel=SMS), shop())
    assert deeds(effects) == ["consent no"]
    assert len([effect for effect in effects if isinstance(effect, Say)]) == 1
    assert says(said(effects), "consent.stopped@sms", Language.ZH_HANS)
    again = ContactFacts(id=7, stopped=True, marketing=False)
    assert said(overhear(turn(stop, owner=owner, channel=SMS, contact=again), shop())) == ""
    assert overhear(turn(message("where is it?", understood("order_status")), owner=owner), shop()) == ()


def test_a_start_to_people_takes_back_a_stop() -> None:
    start = message("START", understood(("start_marketing", 1.0)))
    stopped = ContactFacts(id=7, stopped=True, marketing=False)
    effects = overhear(turn(start, owner=Owner.AGENT, channel=SMS, contact=stopped), shop())
    assert deeds(effects) == ["consent yes"]
    assert says(said(effects), "consent.started", Language.EN)
    assert overhear(turn(start, owner=Owner.AGENT, channel=SMS), shop()) == (), "an open question is theirs to answer"


def test_a_stop_from_whom_we_have_blocked_is_recorded_and_not_answered() -> None:
    stop = message("STOP", understood(("stop_marketing", 1.0)))
    effects = overhear(turn(stop, channel=SMS, contact=ContactFacts(id=7, blocked=True)), shop())
    assert (deeds(effects), said(effects)) == (["consent no"], "")


def test_the_language_of_the_message_is_kept_for_the_contact() -> None:
    effects = respond(turn(message("您好", understood("greet", language=Language.ZH_HANS))), shop())
    assert LearnAboutContact(language=Language.ZH_HANS) in effects
    known = replace(turn(HI), contact=ContactFacts(id=7, language=Language.EN))
    assert not any(isinstance(effect, LearnAboutContact) for effect in respond(known, shop()))


@pytest.mark.parametrize(
    ("text", "recognised", "either", "spoken"),
    [
        ("你好", Language.ZH_HANS, True, Language.ZH_HANT),
        ("请问", Language.ZH_HANS, False, Language.ZH_HANS),
        ("hello", Language.EN, False, Language.EN),
        ("OK", None, False, Language.ZH_HANT),
    ],
)
def test_words_that_both_scripts_share_do_not_change_the_script(
    text: str, recognised: Language | None, either: bool, spoken: Language
) -> None:
    contact = ContactFacts(id=7, language=Language.ZH_HANT)
    meaning = replace(understood("greet", language=recognised), either_script=either)
    effects = respond(turn(message(text, meaning), contact=contact), shop())
    assert [effect.language for effect in effects if isinstance(effect, Say)] == [spoken]


def test_a_deep_link_is_handed_on_as_proof() -> None:
    effects = respond(turn(message("/start abc", understood(), start_parameter="abc"), first=True), shop())
    assert LinkByCode(code="abc") in effects
    assert says(said(effects), "small.hello", Language.EN)


def test_ways_to_reach_somebody_are_learned_from_their_words() -> None:
    told = understood("greet", entities={"phone": "+8613800000000", "email": "a@b.c"})
    effects = respond(turn(message("hi", told)), shop())
    assert any(
        isinstance(effect, LearnAboutContact) and effect.addresses == ("tel:+8613800000000", "mailto:a@b.c")
        for effect in effects
    )


@pytest.mark.parametrize(
    "name",
    [
        "{business}",
        "{0.__class__}",
        "%s%n",
        "{{7*7}}",
        "${jndi:ldap://x}",
        "<script>alert(1)</script>",
        "'; DROP TABLE",
        "\u202eabc\x00\n\n\nfoo",
        "x" * 5000,
    ],
)
def test_a_name_is_shown_as_it_is_and_never_interpreted(name: str) -> None:
    contact = ContactFacts(id=7, name=name)
    text = said(respond(turn(HI, contact=contact, first=True, returning=True), shop()))
    assert "Shanlan Tea" in text
    shown = text.replace("Shanlan Tea", "")
    assert "49" not in shown
    assert "\x00" not in text
    assert "\u202e" not in text
    assert len(text) < 300
    if len(name) < 40 and name.isprintable():
        assert name in text


def test_words_of_a_customer_stay_words_in_the_summary_for_agents() -> None:
    asked = message("{name} {facts} human please", understood("human_request"))
    effects = respond(turn(asked), shop())
    summary = next(effect.summary for effect in effects if isinstance(effect, HandOff))
    assert "{name} {facts} human please" in summary


def test_an_answer_for_key_customers_is_not_shown_to_others() -> None:
    wholesale = next(
        name for name, versions in shop().entries.items() if versions[Language.EN].tiers == frozenset({"key"})
    )
    asked = message("wholesale?", understood("price_question", knowledge=[(wholesale, 0.9)]))
    answer = shop().entries[wholesale][Language.EN].answer
    assert answer in said(respond(turn(asked, contact=ContactFacts(id=7, tier="key")), shop()))
    assert answer not in said(respond(turn(asked), shop()))


def test_an_order_is_never_told_without_proof() -> None:
    """Neither its state, nor what was bought, nor how dear it was."""
    house = House(orders=(ORDER,), contact=ContactFacts(id=7, addresses=("tel:+861385678",)))
    text = said(house.hear(message("SL20260012?", understood("order_status")))) + said(
        house.hear(message("1234 5555 9999 1111"))
    )
    for secret in ("Longjing", "129", "SF1234567890", "way to you", "buyer@example.com", "5678"):
        assert secret not in text


def test_where_people_have_the_conversation_the_engine_is_silent() -> None:
    for owner in (Owner.AGENT, Owner.QUEUE):
        effects = respond(turn(HI, owner=owner), shop())
        assert deeds(effects) == ["Ignore"]
        assert said(effects) == ""


CASE = CaseFacts(
    number="C-9",
    kind=CaseKind.COMPLAINT,
    status=CaseStatus.OPEN,
    step=Step.FOLLOW_UP,
    subject="teapot",
    facts={},
    opened_at=NOON,
    promises=(Promise(id="C-9-1", text="a replacement", due=NOON),),
)


def test_agents_read_when_a_promise_is_due_in_the_time_of_the_business() -> None:
    asked = message("a human please", understood("human_request"))
    effects = respond(turn(asked, cases=(CASE,), contact=ContactFacts(id=7, proven=True)), shop())
    summary = next(effect.summary for effect in effects if isinstance(effect, HandOff))
    assert "2026-11-25 12:00" in summary, "noon in Shanghai"
    assert "UTC" not in summary


@pytest.mark.parametrize("kind", FollowUpKind)
@pytest.mark.parametrize("status", CaseStatus)
def test_no_follow_up_talks_over_an_agent(kind: FollowUpKind, status: CaseStatus) -> None:
    due = FollowUpDue(id=1, kind=kind, key="k", reason="r", case="C-9")
    for cases in ((replace(CASE, status=status),), ()):
        effects = respond(turn(due=due, cases=cases, owner=Owner.AGENT), shop())
        assert effects, "a follow-up leaves a trace"
        assert said(effects) == ""
        assert not any(isinstance(effect, HandOff) for effect in effects)


@pytest.mark.parametrize("kind", FollowUpKind)
def test_a_follow_up_about_a_case_that_is_gone_does_no_harm(kind: FollowUpKind) -> None:
    effects = respond(turn(due=FollowUpDue(id=1, kind=kind, key="k", reason="r", case="C-404")), shop())
    assert effects
    assert said(effects) == ""


def test_the_survey_comes_once_a_case() -> None:
    due = FollowUpDue(id=1, kind=FollowUpKind.SURVEY, key="survey:C-9", reason="r", case="C-9")
    resolved = replace(CASE, status=CaseStatus.RESOLVED)
    assert says(said(respond(turn(due=due, cases=(resolved,)), shop())), "survey.ask", Language.ZH_HANS)
    asked = replace(resolved, survey_asked=True)
    assert [type(e) for e in respond(turn(due=due, cases=(asked,)), shop()) if not isinstance(e, Remember)] == [Ignore]


def test_a_case_number_from_an_unproven_address_attaches_to_nothing() -> None:
    complaint = message("my teapot is broken", understood("complaint_quality"))
    assert deeds(respond(turn(complaint, cases=(CASE,)), shop())) == ["open complaint", "plan listen_settled"]
    proven = ContactFacts(id=7, proven=True)
    assert deeds(respond(turn(complaint, cases=(CASE,), contact=proven), shop())) == ["UpdateCase"]


def test_a_promise_is_dated_in_workdays_and_in_the_customers_own_time_zone() -> None:
    script = next(script for script in COMPLAINTS if "several facts" in script.name)
    house = House(
        channel=script.channel,
        orders=script.orders,
        contact=ContactFacts(id=7, time_zone="America/New_York", language=Language.EN),
    )
    steps = [house.come_back(line.due) if line.due is not None else house.hear(*line.messages) for line in script.lines]
    effects = steps[-1]
    assert "by Friday 27 November at 05:00" in said(effects)  # six in the evening in Shanghai


def test_a_button_and_words_in_one_turn_are_both_taken() -> None:
    house = House(channel=WEBCHAT)
    effects = house.hear(message("blah", understood()))
    stay = next(effect for effect in effects if isinstance(effect, Say)).buttons[1].value
    both = house.hear(message(stay, event=Event.CALLBACK), message("are you open?", understood("opening_hours")))
    assert says(said(both), "small.resume", Language.EN)
    assert says(said(both), "opening.open", Language.EN)


@pytest.mark.parametrize(
    ("text", "recognised", "spoken"),
    [
        ("LINE: Amy Chen is my name there", Language.EN, Language.ZH_HANS),
        ("my wechat id: amy88", Language.EN, Language.ZH_HANS),
        ("Tea House", Language.EN, Language.ZH_HANS),
        ("thank you", Language.EN, Language.ZH_HANS),
        ("English please", Language.EN, Language.EN),
        ("where is my order", Language.EN, Language.EN),
        ("請問", Language.ZH_HANT, Language.ZH_HANT),
    ],
)
def test_a_fragment_or_an_address_does_not_change_the_language(
    text: str, recognised: Language, spoken: Language
) -> None:
    heard = message(text, understood("greet", language=recognised))
    effects = respond(turn(heard, memory={"version": 1, "language": "zh-Hans"}), shop())
    assert {effect.language for effect in effects if isinstance(effect, Say)} == {spoken}
    told = [effect.language for effect in effects if isinstance(effect, LearnAboutContact)]
    assert told == ([spoken] if told else [])


def test_several_questions_in_one_message_are_answered_one_by_one() -> None:
    parts = [
        ("how long is delivery?", understood("shipping_question", knowledge=[("shipping#delivery-time", 0.8)])),
        ("can I get an invoice?", understood("invoice_request", knowledge=[("payment#invoice", 0.8)])),
        ("is your cat well?", understood(("smalltalk", 0.1))),
    ]
    whole = understood(("invoice_request", 0.8), ("shipping_question", 0.2), parts=parts)
    effects = respond(turn(message(" ".join(text for text, _ in parts), whole)), shop())
    answers = [effect.text for effect in effects if isinstance(effect, Say)]
    assert [text for text in answers if says(text, "knowledge.answer", Language.EN)] == answers[:2]
    assert "is your cat well?" in answers[2]


def test_nothing_is_asked_any_more_once_people_have_taken_over() -> None:
    asked = {"order_number": "SL20260014"}
    parts = [
        ("Where is SL20260014?", understood("order_status", entities=asked)),
        ("Which address will it go to?", understood("order_change")),
    ]
    house = House(orders=(replace(ORDER, number="SL20260014", phone_ending=None),))
    whole = understood("order_status", entities=asked, parts=parts)
    effects = house.hear(message("Where is SL20260014? Which address will it go to?", whole))
    assert deeds(effects) == ["hand off policy"]
    assert says(said(effects), "order.cannot_prove", Language.EN)
    assert len([effect for effect in effects if isinstance(effect, Say)]) == 1


@pytest.mark.parametrize(("channel", "hours"), [(WEBCHAT, 0.5), (SMS, 0.5), (MAIL, 24)])
def test_who_writes_mails_is_not_reminded_after_half_an_hour(channel: ChannelFacts, hours: float) -> None:
    house = House(channel=channel)
    _ = house.hear(message("my teapot leaks", understood("complaint_quality", entities={"product": "teapot"})))
    _ = house.come_back(FollowUpKind.LISTEN_SETTLED)
    (reminder,) = (plan for plan in house.plans.values() if plan.kind is FollowUpKind.FORM_SILENCE)
    assert reminder.due - house.now == timedelta(hours=hours)


def test_two_questions_in_one_mail_are_answered_in_one_mail() -> None:
    parts = [
        ("how long is delivery?", understood("shipping_question", knowledge=[("shipping#delivery-time", 0.8)])),
        ("can I get an invoice?", understood("invoice_request", knowledge=[("payment#invoice", 0.8)])),
    ]
    asked = message("how long is delivery? can I get an invoice?", understood(("invoice_request", 0.8), parts=parts))
    (by_mail,) = (one for one in respond(turn(asked, channel=MAIL), shop()) if isinstance(one, Say))
    in_text_messages = [one for one in respond(turn(asked, channel=SMS), shop()) if isinstance(one, Say)]
    assert len(in_text_messages) == 2
    for key in ("shipping#delivery-time", "payment#invoice"):
        entry = shop().entry(key, Language.EN)
        assert entry is not None
        assert entry.answer in by_mail.text


def test_a_question_beside_a_stop_in_one_message_is_answered_too() -> None:
    parts = [
        ("stop sending offers", understood(("stop_marketing", 1.0))),
        ("are you open?", understood("opening_hours")),
    ]
    whole = understood(("stop_marketing", 1.0), ("opening_hours", 0.4), parts=parts)
    effects = respond(turn(message("stop sending offers, are you open?", whole)), shop())
    assert [effect.granted for effect in effects if isinstance(effect, RecordConsent)] == [False]
    assert says(said(effects), "consent.stopped", Language.EN)
    assert says(said(effects), "opening.open", Language.EN)


def test_a_complaint_among_several_questions_takes_everything() -> None:
    parts = [
        ("my pot is broken, what now?", understood("complaint_quality")),
        ("are you open?", understood("opening_hours")),
    ]
    effects = respond(turn(message("my pot is broken, what now? are you open?", understood(parts=parts))), shop())
    assert deeds(effects) == ["open complaint", "plan listen_settled"]
