"""Whatever arrives: the engine never raises, and something always happens."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime
from string import printable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.effects import Effect, HandOff, Ignore, Lookup, MarkSpam, PlanFollowUp, RecordConsent, Say
from bot.engine import respond
from bot.policy import ComplaintKind
from bot.repertoire import BY_INTENT, SKILLS
from bot.turn import (
    CaseFacts,
    CaseKind,
    CaseStatus,
    ChannelFacts,
    ContactFacts,
    ConversationFacts,
    FollowUpDue,
    FollowUpKind,
    Json,
    LookupKind,
    LookupResult,
    Message,
    OrderFacts,
    Owner,
    Promise,
    Step,
    Turn,
)
from channels.envelope import Attachment, AttachmentKind, Event
from nlu.understanding import Candidate, Entity, Intent, Language, Part, Understanding
from tests.bot.complaint_scripts import COMPLAINTS as COMPLAINTS_IN_LINES
from tests.bot.house import House, said
from tests.bot.people import SMS, TELEGRAM, WEBCHAT, message, shop, turn, understood
from tests.bot.scripts import EVERYDAY, MINE, ORDER

WORDS = st.one_of(
    st.text(max_size=60),
    st.text(alphabet=printable, max_size=30),
    st.sampled_from(["1", "2", "二", "cancel", "STOP", "SL20260012", "SL20260012 5678", "5678", "choice:1:1", "yes"]),
    st.sampled_from(["/start x", "my lawyer", "退订", "I don't know", "{name}", "气死了 必须给我 录音", "x" * 5000]),
)
JSON: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
INSTANTS = st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
CONFIDENCES = st.floats(min_value=0, max_value=1)
INTENTS = st.builds(Intent, name=st.sampled_from([*sorted(BY_INTENT), "no_such_intent"]), confidence=CONFIDENCES)
ENTITIES = st.builds(
    Entity,
    kind=st.sampled_from(["order_number", "amount", "date", "product", "phone", "email", "other"]),
    value=st.one_of(
        WORDS, st.sampled_from(["SL20260012", "relative:-1d", "weekday:0:fri", "12.50 CNY", "relative:-9999999d"])
    ),
    text=WORDS,
    start=st.integers(0, 10),
    end=st.integers(0, 10),
)
CANDIDATES = st.builds(Candidate, entry=st.sampled_from([*list(shop().entries)[:5], "gone#entry"]), score=CONFIDENCES)
_OF_ONE = st.builds(
    Understanding,
    language=st.sampled_from([None, *Language]),
    intents=st.lists(INTENTS, max_size=3).map(tuple),
    entities=st.lists(ENTITIES, max_size=3).map(tuple),
    knowledge=st.lists(CANDIDATES, max_size=3).map(tuple),
    out_of_scope=st.booleans(),
)
PARTS = st.lists(st.builds(Part, text=WORDS, understanding=_OF_ONE), max_size=3).map(tuple)
UNDERSTANDINGS = st.builds(lambda whole, parts: replace(whole, parts=parts), _OF_ONE, PARTS)
ATTACHMENTS = st.builds(
    Attachment, kind=st.sampled_from(AttachmentKind), id=st.just("a"), data=st.just({"phone_number": "+8613"})
)
MESSAGES = st.builds(
    Message,
    interaction=st.integers(1, 9),
    event=st.sampled_from([Event.MESSAGE, Event.MESSAGE, Event.EDIT, Event.CALLBACK]),
    text=WORDS,
    sent_at=INSTANTS,
    understanding=UNDERSTANDINGS,
    attachments=st.lists(ATTACHMENTS, max_size=2).map(tuple),
    start_parameter=st.none() | WORDS,
)
OPTIONS = st.tuples(
    WORDS,
    st.sampled_from([*sorted(SKILLS), "gone"]),
    st.sampled_from(
        [
            "accept",
            "decline",
            "wish",
            "unknown",
            "here",
            "next",
            "person",
            "show",
            "mean",
            "score",
            "start",
            "grant",
            "resume",
            "new",
        ]
    ),
    st.sampled_from(["", "3", "refund", "other", "order", "SL20260012", "order_status", "complaint_quality"]),
).map(list)
FACTS = st.dictionaries(
    st.sampled_from(
        [
            "what",
            "order",
            "product",
            "happened",
            "used",
            "wish",
            "proof",
            "order_date",
            "order_amount",
            "offer",
            "evidence",
        ]
    ),
    st.one_of(st.sampled_from(["given", "needed", "refund", "2026-11-20", "129.00 CNY", "SL20260012"]), JSON),
    max_size=6,
)
COMPLAINTS = st.fixed_dictionaries(
    {
        "case": st.just("C-1"),
        "step": st.sampled_from(["listen", "record", "propose", "follow_up"]),
        "kind": st.sampled_from([kind.value for kind in ComplaintKind]),
        "facts": FACTS,
        "asked": st.sampled_from(
            ["", "what", "order", "product", "happened", "bought", "used", "wish", "reach", "proof"]
        ),
        "offered": st.lists(st.sampled_from(["refund", "replacement", "voucher"]), max_size=2),
        "tries": st.dictionaries(st.sampled_from(["what", "order", "proof", "proposal"]), st.integers(0, 3)),
        "paused": st.booleans(),
        "reminded": st.booleans(),
    }
)
REMEMBERED = st.fixed_dictionaries(
    {"version": st.just(1)},
    optional={
        "language": st.sampled_from([language.value for language in Language]),
        "choice": st.fixed_dictionaries({"serial": st.integers(1, 2), "options": st.lists(OPTIONS, max_size=3)}),
        "complaint": COMPLAINTS,
        "withdrawn": COMPLAINTS,
        "told": st.just("SL20260012"),
        "order": st.fixed_dictionaries(
            {
                "asks": st.sampled_from(["number", "proof"]),
                "number": st.just("SL20260012"),
                "purpose": st.sampled_from(["status", "refund_request", "invoice_request"]),
                "latent": st.booleans(),
            }
        ),
        "survey": st.just("C-1"),
        "angry": st.integers(0, 2),
        "warned": st.booleans(),
        "misunderstood": st.integers(0, 2),
        "tone": st.sampled_from(["emotional", "stubborn", "prepared"]),
        "knowledge": st.just(list(shop().entries)[:2]),
    },
)
MEMORIES = st.one_of(REMEMBERED, REMEMBERED, st.dictionaries(st.text(max_size=8), JSON, max_size=4))
CASES = st.builds(
    CaseFacts,
    number=st.just("C-1"),
    kind=st.sampled_from(CaseKind),
    status=st.sampled_from(CaseStatus),
    step=st.sampled_from([None, *Step]),
    subject=WORDS,
    facts=st.dictionaries(st.text(max_size=8), JSON, max_size=3),
    opened_at=INSTANTS,
    promises=st.lists(
        st.builds(Promise, id=st.just("C-1-1"), text=WORDS, due=INSTANTS, kept=st.booleans()), max_size=2
    ).map(tuple),
    survey_asked=st.booleans(),
)
DUES = st.builds(
    FollowUpDue,
    id=st.just(1),
    kind=st.sampled_from(FollowUpKind),
    key=WORDS,
    reason=WORDS,
    case=st.sampled_from([None, "C-1", "C-404"]),
    details=st.dictionaries(st.sampled_from(["promise"]), JSON, max_size=1),
)
ORDERS = st.builds(
    OrderFacts,
    number=st.just("SL20260012"),
    date=INSTANTS,
    status=st.one_of(WORDS, st.just("shipped")),
    amount=st.one_of(WORDS, st.just("129.00 CNY")),
    items=st.lists(st.tuples(WORDS, st.integers(0, 3)), max_size=2).map(tuple),
    tracking=st.none() | WORDS,
    mine=st.booleans(),
    phone_ending=st.sampled_from([None, "", "5678"]),
    mail=st.none() | WORDS,
)
TURNS = st.builds(
    Turn,
    now=INSTANTS,
    seed=st.integers(0, 10**9),
    fresh_number=st.just("C-2"),
    channel=st.builds(
        ChannelFacts,
        name=st.just("x"),
        scheme=st.sampled_from(["webchat", "telegram", "tel", "mailto"]),
        buttons=st.sampled_from([0, 3, 10]),
    ),
    contact=st.builds(
        ContactFacts,
        id=st.just(1),
        name=st.none() | WORDS,
        language=st.sampled_from([None, *Language]),
        time_zone=st.sampled_from([None, "Asia/Taipei", "nowhere", ""]),
        tier=st.sampled_from(["key", "ordinary", "small", "not_to_win_back", "unheard of"]),
        proven=st.booleans(),
        addresses=st.sampled_from([(), ("tel:+861385678",), ("mailto:a@b.c",)]),
        stopped=st.booleans(),
    ),
    conversation=st.builds(
        ConversationFacts,
        id=st.just(3),
        owner=st.sampled_from([Owner.BOT, Owner.BOT, Owner.BOT, Owner.AGENT]),
        epoch=st.just(1),
        opened_at=INSTANTS,
        memory=MEMORIES,
        first=st.booleans(),
        returning=st.booleans(),
    ),
    messages=st.lists(MESSAGES, min_size=1, max_size=3).map(tuple),
    cases=st.lists(CASES, max_size=1).map(tuple),
)

SAID = [message for script in (*EVERYDAY, *COMPLAINTS_IN_LINES) for line in script.lines for message in line.messages]
HAPPENINGS = (Say, PlanFollowUp, HandOff, Ignore, MarkSpam, RecordConsent)


def run(step: Turn, orders: tuple[OrderFacts, ...]) -> tuple[Effect, ...]:
    """As the gateway does it: once, and once more with what was looked up."""
    effects = respond(step, shop())
    wanted = [effect for effect in effects if isinstance(effect, Lookup)]
    if not wanted:
        return effects
    assert len(effects) == 1
    result = LookupResult(kind=wanted[0].kind, key=wanted[0].key, orders=orders, failure=None if orders else "down")
    effects = respond(replace(step, lookups=(result,)), shop())
    assert not any(isinstance(effect, Lookup) for effect in effects)
    return effects


@settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(step=TURNS, orders=st.lists(ORDERS, max_size=2).map(tuple))
def test_a_message_is_answered_waited_on_handed_over_or_ignored_by_name(
    step: Turn, orders: tuple[OrderFacts, ...]
) -> None:
    effects = run(step, orders)
    assert any(isinstance(effect, HAPPENINGS) for effect in effects)
    for effect in effects:
        if isinstance(effect, Say):
            assert effect.text.strip()
            assert len(effect.buttons) <= step.channel.buttons


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(step=TURNS, due=DUES, orders=st.lists(ORDERS, max_size=1).map(tuple))
def test_a_follow_up_leaves_a_trace_and_talks_over_nobody(
    step: Turn, due: FollowUpDue, orders: tuple[OrderFacts, ...]
) -> None:
    effects = run(replace(step, messages=(), due=due), orders)
    assert effects
    if step.conversation.owner is Owner.AGENT:
        assert not any(isinstance(effect, Say) for effect in effects)


def test_lookups_that_were_not_asked_for_are_no_answer() -> None:
    other = LookupResult(kind=LookupKind.ORDERS, key="")
    effects = respond(turn(message("SL20260012", understood("order_status")), lookups=(other,)), shop())
    assert not any(isinstance(effect, Lookup) for effect in effects)


@pytest.mark.parametrize("seed", range(150))
def test_customers_who_say_anything_in_any_order_are_never_left_alone(seed: int) -> None:
    """Lines of all conversations, shuffled: whatever state they lead to, the next line is dealt with too."""
    chance = random.Random(seed)
    house = House(
        channel=chance.choice([WEBCHAT, TELEGRAM, SMS]),
        contact=ContactFacts(id=7, proven=chance.random() < 0.5, tier=chance.choice(["key", "ordinary", "small"])),
        orders=(ORDER, MINE) if chance.random() < 0.7 else (),
        lookup_failure="down" if chance.random() < 0.1 else None,
    )
    for _ in range(25):
        house.owner = Owner.BOT  # an agent hands it back at once
        if house.plans and chance.random() < 0.3:
            effects = house.come_back(chance.choice(list(house.plans.values())).kind)
            assert effects
        else:
            effects = house.hear(*chance.choices(SAID, k=chance.choice([1, 1, 1, 2])))
            assert any(isinstance(effect, HAPPENINGS) for effect in effects)
        assert "{" not in said(effects).replace("{name} {facts}", "")
        complaint = house.memory.get("complaint")
        if isinstance(complaint, dict) and complaint["step"] in {"listen", "record", "propose"}:
            assert {"listen:3", "form:3"} & set(house.plans), "an open question is never forgotten"
