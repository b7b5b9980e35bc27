"""The last moment: what was queued rightly does not leave when things have changed since."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, update

from campaigns.policy import Delay, Refusal
from storage import outbox
from storage.cases import Case
from storage.consents import Consent
from storage.contacts import Address, Contact
from storage.conversations import Conversation, Owner
from storage.database import synchronous_engine
from storage.deliveries import Delivery
from tests.acceptance.house import House, Post, Provider, message, open_house
from tests.clock import FrozenClock

Change = Callable[[Connection], object]


@pytest.fixture
async def house(small_house: None, tmp_path: Path, clock: FrozenClock, migrated_url: str) -> AsyncGenerator[House]:
    async with _opened(tmp_path, clock, migrated_url) as house:
        yield house


@pytest.fixture
async def shared(
    small_house: None, tmp_path: Path, clock: FrozenClock, migrated_postgres_url: str
) -> AsyncGenerator[House]:
    """On a database on which others write at the same time."""
    async with _opened(tmp_path, clock, migrated_postgres_url) as house:
        yield house


@asynccontextmanager
async def _opened(folder: Path, clock: FrozenClock, url: str) -> AsyncGenerator[House]:
    """A house with one acquaintance, who has had an answer."""
    house = await open_house(folder, [Post("post", Provider())], clock, url)
    await house.ports["post"].accept([message("post", "post:1", "m1", "")])
    await house.settle()
    taken(house).clear()
    clock.advance(timedelta(seconds=1))
    yield house
    await house.stop()


def taken(house: House) -> list[tuple[str, str, str]]:
    channel = house.channels["post"]
    assert isinstance(channel, Post)
    return channel.provider.taken


async def do(house: House, *changes: Change) -> None:
    """One after the other, and in one transaction: the house sends beside us."""
    await house.commits.run(lambda transaction: [change(transaction.connection) for change in changes])


def word(granted: bool) -> Change:
    """The customer says yes or no to marketing."""

    def say(connection: Connection) -> None:
        at = connection.execute(select(Address.contact_id, Address.id)).one()
        connection.execute(
            insert(Consent),
            {
                "contact_id": at.contact_id,
                "address_id": at.id,
                "purpose": "marketing",
                "granted": granted,
                "source": "message:1",
                "words": "yes" if granted else "STOP",
                "at": datetime(2026, 3, 1, tzinfo=UTC),
            },
        )

    return say


def queued(purpose: str) -> Change:
    """What was said once waits again, with another purpose: an answer becomes an offer."""

    def queue(connection: Connection) -> None:
        changes: dict[str, Any] = {"status": "queued", "purpose": purpose, "attempts": 0}
        if purpose == "marketing":
            changes |= {"conversation_id": None, "epoch": None, "priority": 9}
        connection.execute(update(Delivery).values(**changes, deadline=datetime(2026, 3, 20, tzinfo=UTC)))

    return queue


def complaint(connection: Connection) -> None:
    contact = connection.execute(select(Contact.id)).scalar_one()
    now = datetime(2026, 3, 1, tzinfo=UTC)
    connection.execute(
        insert(Case),
        {
            "number": "C-1",
            "contact_id": contact,
            "kind": "complaint",
            "status": "open",
            "subject": "mouldy tea",
            "priority": 2,
            "opened_at": now,
            "updated_at": now,
        },
    )


def blocked(connection: Connection) -> None:
    connection.execute(update(Contact).values(blocked_at=datetime(2026, 3, 1, tzinfo=UTC)))


def owned_by(owner: Owner) -> Change:
    def change(connection: Connection) -> None:
        connection.execute(update(Conversation).values(owner=owner, epoch=Conversation.epoch + 1))

    return change


def lives_in(zone: str) -> Change:
    return lambda connection: connection.execute(update(Contact).values(time_zone=zone))


async def standing(house: House) -> tuple[str, str | None, datetime]:
    row = await house.database.read(
        lambda connection: connection.execute(select(Delivery.status, Delivery.reason, Delivery.due_at)).one()
    )
    return row.status, row.reason, row.due_at


async def test_an_offer_leaves_to_whoever_agreed(house: House) -> None:
    await do(house, word(True), queued("marketing"))
    await house.settle()
    assert len(taken(house)) == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ([], Refusal.NO_CONSENT),
        ([word(True), word(False)], Refusal.WITHDRAWN),
        ([word(True), complaint], Refusal.OPEN_COMPLAINT),
        ([word(True), blocked], Refusal.CONTACT_BLOCKED),
    ],
    ids=["never asked", "withdrawn", "complaint", "blocked"],
)
async def test_an_offer_that_was_queued_before_things_changed_does_not_leave(
    house: House, clock: FrozenClock, changes: list[Change], reason: Refusal
) -> None:
    await do(house, queued("marketing"), *changes)
    await house.rest(clock)
    assert taken(house) == []
    assert (await standing(house))[:2] == ("skipped", reason)


async def test_yes_after_no_is_a_yes_again(house: House) -> None:
    await do(house, word(True), word(False), word(True), queued("marketing"))
    await house.settle()
    assert len(taken(house)) == 1


@pytest.mark.parametrize("owner", [Owner.QUEUE, Owner.AGENT])
async def test_an_offer_waits_until_people_have_finished_talking(
    house: House, clock: FrozenClock, owner: Owner
) -> None:
    await do(house, word(True), queued("marketing"), owned_by(owner))
    await house.settle()
    assert taken(house) == []
    assert (await standing(house))[:2] == ("queued", Delay.IN_CONVERSATION)
    clock.advance(timedelta(minutes=16))
    await house.settle()
    assert taken(house) == []
    await do(house, owned_by(Owner.BOT))
    clock.advance(timedelta(minutes=16))
    await house.settle()
    assert len(taken(house)) == 1


@pytest.mark.parametrize("purpose", ["marketing", "survey"])
async def test_it_is_the_customers_own_night_that_is_kept_not_ours(
    house: House, clock: FrozenClock, purpose: str
) -> None:
    await do(house, word(True), queued(purpose), lives_in("America/New_York"))  # noon in Shanghai, 23:00 there
    await house.settle()
    assert taken(house) == []
    assert await standing(house) == ("queued", Delay.QUIET_HOURS, datetime(2026, 3, 2, 13, 0, tzinfo=UTC))
    clock.jump(datetime(2026, 3, 2, 13, 0, tzinfo=UTC))
    await house.settle()
    assert len(taken(house)) == 1


async def test_a_morning_after_the_clocks_changed_is_morning_on_the_wall(house: House, clock: FrozenClock) -> None:
    clock.jump(datetime(2026, 3, 8, 4, 0, tzinfo=UTC))  # 23:00 of the night in which New York loses an hour
    await do(house, word(True), queued("marketing"), lives_in("America/New_York"))
    await house.settle()
    assert (await standing(house))[2] == datetime(2026, 3, 8, 12, 0, tzinfo=UTC), "08:00 there, an hour earlier for us"


async def test_an_answer_leaves_at_night_without_consent_and_despite_a_complaint(house: House) -> None:
    await do(house, queued("service"), complaint, lives_in("America/New_York"))
    await house.settle()
    assert len(taken(house)) == 1


@pytest.mark.parametrize(
    ("purpose", "change", "reason"),
    [("service", owned_by(Owner.AGENT), Refusal.TAKEN_OVER), ("marketing", word(False), Refusal.WITHDRAWN)],
    ids=["taken over", "withdrawn"],
)
async def test_what_changes_between_the_look_and_the_claim_still_stops_it(
    shared: House,
    clock: FrozenClock,
    monkeypatch: pytest.MonkeyPatch,
    purpose: str,
    change: Change,
    reason: Refusal,
) -> None:
    """Another process commits while ours, its look taken, is about to claim."""
    await do(shared, word(True))
    engine = synchronous_engine(shared.settings.database_url.render_as_string(hide_password=False))
    claim, changed = outbox.claim, list[int]()

    def interrupted(connection: Connection, deliveries: Any, **values: Any) -> Collection[int]:
        if deliveries and not changed:
            changed.extend(deliveries)
            with engine.begin() as other:
                change(other)
        return claim(connection, deliveries, **values)

    monkeypatch.setattr(outbox, "claim", interrupted)
    await do(shared, queued(purpose))
    await shared.rest(clock)
    assert changed, "nothing was about to be claimed"
    assert taken(shared) == []
    assert (await standing(shared))[:2] == ("skipped", reason)
