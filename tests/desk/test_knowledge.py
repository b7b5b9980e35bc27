"""Knowledge from the desk: proposed by an agent, decided on by a supervisor, replaced and taken back, never lost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import insert, select

from desk import knowledge
from desk.knowledge import (
    Decided,
    NotAnAnswer,
    NothingToKnow,
    ShortIsLonger,
    TooLong,
    WaitsAlready,
    Wording,
)
from desk.logins import Present
from desk.refusals import NotFound, Unusable
from nlu.understanding import Language
from storage import knowledge_entries
from storage.alerts import Alert, AlertKind
from storage.contacts import Address, Contact
from storage.conversations import Conversation, ConversationState, Owner
from storage.database import synchronous_engine
from storage.interactions import Direction, Interaction, InteractionKind
from storage.knowledge_entries import EntryState, KnowledgeEntry
from tests.clock import FrozenClock
from tests.desk.office import Office

GIFT = {"en": Wording(question="Do you wrap  gifts?", answer="Yes, for free.", also=("gift wrap?", "", "gift wrap?"))}


@pytest.fixture
def office(migrated_url: str, clock: FrozenClock) -> Iterator[Office]:
    engine = synchronous_engine(migrated_url)
    yield Office(engine, clock)
    engine.dispose()


@pytest.fixture
def ada(office: Office) -> Present:
    return office.first_admin()


@pytest.fixture
def ben(office: Office, ada: Present) -> Present:
    return office.colleague(ada, "Ben", "agent")


@pytest.fixture
def sue(office: Office, ada: Present) -> Present:
    return office.colleague(ada, "Sue", "supervisor")


def in_force(office: Office) -> dict[str, str]:
    with office.engine.connect() as connection:
        entries = knowledge.entries_in_force(connection)
    return {name: entry.answer for name, versions in entries.items() for entry in versions.values()}


def test_it_answers_nobody_until_a_supervisor_approves(office: Office, ben: Present, sue: Present) -> None:
    number = office.do(knowledge.propose, by=ben, texts=GIFT)
    assert in_force(office) == {}
    asked = [row for row in office.rows(Alert) if row.kind is AlertKind.KNOWLEDGE_ASKED]
    assert sue.staff in {row.staff_id for row in asked}
    office.do(knowledge.approve, by=sue, entry=number)
    assert in_force(office) == {"desk#1": "Yes, for free."}
    told = [row.staff_id for row in office.rows(Alert) if row.kind is AlertKind.KNOWLEDGE_DECIDED]
    assert told == [ben.staff]
    version = office.do(knowledge.look, entry=number)
    assert version.texts[Language.EN].question == "Do you wrap gifts?"
    assert version.texts[Language.EN].also == ("gift wrap?",)
    assert version.missing == (Language.ZH_HANS, Language.ZH_HANT)


def test_a_new_version_takes_the_place_of_the_one_in_force_when_it_is_approved(
    office: Office, ben: Present, sue: Present
) -> None:
    first = office.do(knowledge.propose, by=ben, texts=GIFT)
    office.do(knowledge.approve, by=sue, entry=first)
    better = {"en": Wording(question="Do you wrap gifts?", answer="Yes, and with a card.")}
    second = office.do(knowledge.propose, by=ben, texts=better, name="desk#1")
    with pytest.raises(WaitsAlready):
        office.do(knowledge.propose, by=ben, texts=better, name="desk#1")
    assert in_force(office) == {"desk#1": "Yes, for free."}
    office.do(knowledge.approve, by=sue, entry=second)
    assert in_force(office) == {"desk#1": "Yes, and with a card."}
    states = [(one.version, one.state) for one in office.do(knowledge.versions, name="desk#1")]
    assert states == [(2, EntryState.IN_FORCE), (1, EntryState.REPLACED)]


def test_what_is_in_force_can_be_taken_back(office: Office, ben: Present, sue: Present) -> None:
    number = office.do(knowledge.propose, by=ben, texts=GIFT)
    with office.engine.connect() as connection:
        before = knowledge_entries.stamp(connection)
    office.do(knowledge.approve, by=sue, entry=number)
    office.clock.advance(1)
    with pytest.raises(Unusable):
        office.do(knowledge.withdraw, by=sue, entry=number, reason=" ")
    office.do(knowledge.withdraw, by=sue, entry=number, reason="no paper left")
    assert in_force(office) == {}
    with office.engine.connect() as connection:
        assert knowledge_entries.stamp(connection) != before, "the processes notice"
    with pytest.raises(Decided):
        office.do(knowledge.withdraw, by=sue, entry=number, reason="again")


def test_who_refuses_says_why_and_nobody_decides_twice(office: Office, ben: Present, sue: Present) -> None:
    number = office.do(knowledge.propose, by=ben, texts=GIFT)
    office.do(knowledge.refuse, by=sue, entry=number, reason="only at Christmas")
    assert office.do(knowledge.look, entry=number).reason == "only at Christmas"
    for verb in (knowledge.approve, knowledge.refuse):
        with pytest.raises(Decided):
            office.do(verb, by=sue, entry=number, **({"reason": "x"} if verb is knowledge.refuse else {}))


def test_what_waits_is_changed_by_who_proposed_it_or_a_supervisor(office: Office, ben: Present, sue: Present) -> None:
    eve = office.colleague(sue, "Eve", "agent")
    number = office.do(knowledge.propose, by=ben, texts=GIFT)
    changed = {"en": Wording(question="Do you wrap gifts?", answer="Of course.")}
    with pytest.raises(NotFound):
        office.do(knowledge.edit, by=eve, entry=number, texts=changed)
    for by in (ben, sue):
        office.do(knowledge.edit, by=by, entry=number, texts=changed, tiers=["key"])
    version = office.do(knowledge.look, entry=number)
    assert (version.texts[Language.EN].answer, version.tiers) == ("Of course.", ("key",))


@pytest.mark.parametrize(
    ("wording", "refusal"),
    [
        (Wording(question="", answer=""), NothingToKnow),
        (Wording(question="And?", answer=" "), NothingToKnow),
        (Wording(question="x" * 301, answer="y"), TooLong),
        (Wording(question="x", answer="y" * 4001), TooLong),
        (Wording(question="x", answer="yes", short="yes, indeed"), ShortIsLonger),
        (Wording(question="x", answer="a\0b"), Unusable),
    ],
)
def test_what_is_no_question_with_an_answer_is_refused(
    office: Office, ben: Present, wording: Wording, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        office.do(knowledge.propose, by=ben, texts={"en": wording})
    with pytest.raises(Unusable):
        office.do(knowledge.propose, by=ben, texts=GIFT, tiers=["rich"])


def test_an_agents_answer_brings_the_question_before_it(office: Office, ben: Present) -> None:
    with office.engine.begin() as connection:

        def add(entity: type, **row: object) -> int:
            return connection.execute(insert(entity).returning(entity.id), row).scalar_one()  # pyright: ignore[reportAttributeAccessIssue]

        now = office.clock()
        contact = add(Contact, created_at=now, tier="ordinary", language="zh-Hant", name="Ann")
        address = add(Address, contact_id=contact, uri="tel:+1", created_at=now)
        talk = add(
            Conversation,
            contact_id=contact,
            address_id=address,
            channel="sms",
            thread="",
            state=ConversationState.OPEN,
            owner=Owner.AGENT,
            epoch=0,
            memory={},
            opened_at=now,
            last_at=now,
            priority=3,
        )
        said = [("customer", Direction.IN, "可以包裝\n嗎？"), ("agent:Ben", Direction.OUT, "可以，免費。")]
        ids = [
            add(
                Interaction,
                contact_id=contact,
                conversation_id=talk,
                channel="sms",
                direction=direction,
                kind=InteractionKind.MESSAGE,
                author=author,
                text=text,
                content={},
                at=now,
                stored_at=now,
            )
            for author, direction, text in said
        ]
    draft = office.do(knowledge.draft_of, interaction=ids[1])
    assert (draft.question, draft.answer, draft.language) == ("可以包裝 嗎？", "可以，免費。", Language.ZH_HANT)
    assert draft.name == "Ann"
    with pytest.raises(NotAnAnswer):
        office.do(knowledge.draft_of, interaction=ids[0])
    with pytest.raises(NotFound):
        office.do(knowledge.draft_of, interaction=999)
    office.do(knowledge.propose, by=ben, texts=GIFT, interaction=ids[1])
    with office.engine.connect() as connection:
        assert connection.scalars(select(KnowledgeEntry.interaction_id)).all() == [ids[1]]


def test_listings_and_counts_are_by_state(office: Office, ben: Present, sue: Present) -> None:
    numbers = [office.do(knowledge.propose, by=ben, texts=GIFT) for _ in range(3)]
    office.do(knowledge.approve, by=sue, entry=numbers[0])
    counts = office.do(knowledge.counts)
    assert (counts[EntryState.PROPOSED], counts[EntryState.IN_FORCE], counts[EntryState.REFUSED]) == (2, 1, 0)
    assert [one.id for one in office.do(knowledge.listing, state=EntryState.PROPOSED)] == [numbers[2], numbers[1]]
    before = office.do(knowledge.listing, state=EntryState.PROPOSED, before=numbers[2])
    assert [one.id for one in before] == [numbers[1]]
