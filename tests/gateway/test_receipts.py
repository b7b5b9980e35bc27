"""What comes back after a message was taken: bounces, late prices, news about an address's newest message."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text, update

from channels.envelope import AddressUpdate, ConsentUpdate, DeliveryStatus, DeliveryUpdate, OutboundMessage, Receipt
from storage.deliveries import Delivery
from tests.acceptance import books
from tests.acceptance.house import House, Post, Provider, message, open_house
from tests.clock import FrozenClock

HOUR = timedelta(hours=1)


class Metered(Post):
    """A channel that counts segments of ten characters, and knows their price."""

    def units(self, message: OutboundMessage) -> int:
        return -(-len(message.text) // 10)

    async def send(self, message: OutboundMessage) -> Receipt:
        sent = await super().send(message)
        units = self.units(message)
        return Receipt(external_ids=sent.external_ids, units=units, cost=units * Decimal("0.00645"), currency="USD")


@pytest.fixture
async def house(small_house: None, tmp_path: Path, clock: FrozenClock, migrated_url: str) -> AsyncGenerator[House]:
    channels = [Post("post", Provider()), Metered("meter", Provider())]
    house = await open_house(tmp_path, channels, clock, migrated_url)
    yield house
    await house.stop()


async def say(house: House, *names: str, channel: str = "post") -> None:
    for name in names:
        await house.ports[channel].accept([message(channel, f"{channel}:1", name, "")])
        await house.settle()


async def patient(house: House) -> None:
    """As mail is: worth sending for days."""
    await house.commits.run(
        lambda transaction: transaction.connection.execute(
            update(Delivery).values(deadline=transaction.now + timedelta(days=3))
        )
    )


async def tell(house: House, status: DeliveryStatus, raw: bytes, external_id: str = "p-d1", **more: Any) -> None:
    at = house._clock()
    news = DeliveryUpdate(channel="post", external_id=external_id, status=status, at=at, raw=raw, **more)
    await house.ports[news.channel].accept([news])


async def column(house: House, *columns: Any) -> list[Any]:
    statement = select(*columns).order_by(Delivery.id)
    return [tuple(row) for row in await house.database.read(lambda connection: connection.execute(statement).all())]


async def statuses(house: House) -> list[str]:
    return [status for (status,) in await column(house, Delivery.status)]


def tries(house: House, key: str = "d1") -> int:
    channel = house.channels["post"]
    assert isinstance(channel, Post)
    return channel.provider.tries[key].count("took")


async def test_what_bounced_for_a_passing_reason_is_tried_again_after_hours(house: House, clock: FrozenClock) -> None:
    await say(house, "m1")
    await patient(house)
    await tell(house, DeliveryStatus.RETRYING, b"full", reason="mailbox full")
    assert await column(house, Delivery.status, Delivery.reason) == [("retrying", "mailbox full")]
    clock.advance(timedelta(minutes=59))
    await house.settle()
    assert tries(house) == 1
    clock.advance(timedelta(minutes=2))
    await house.settle()
    assert (tries(house), await statuses(house)) == (2, ["sent"])


async def test_what_bounces_again_and_again_fails_with_its_reason(house: House, clock: FrozenClock) -> None:
    await say(house, "m1")
    await patient(house)
    waits: list[timedelta] = []
    for n in range(4):
        await tell(house, DeliveryStatus.RETRYING, b"full %d" % n, reason="mailbox full")
        ((status, due),) = await column(house, Delivery.status, Delivery.due_at)
        if status == "retrying":
            waits.append(due - clock())
            clock.advance(waits[-1])
            await house.settle()
    assert waits == [HOUR, 4 * HOUR, 16 * HOUR]
    assert await column(house, Delivery.status, Delivery.reason) == [("failed", "mailbox full")]


async def test_a_bounce_that_comes_too_late_for_another_try_is_a_failure(house: House) -> None:
    await say(house, "m1")
    await tell(house, DeliveryStatus.RETRYING, b"full", reason="mailbox full")
    assert await statuses(house) == ["failed"], "a reply is worth sending for an hour"


async def test_a_bounce_that_is_told_twice_is_one_bounce(house: House, clock: FrozenClock) -> None:
    await say(house, "m1")
    await patient(house)
    await tell(house, DeliveryStatus.RETRYING, b"full")
    await tell(house, DeliveryStatus.RETRYING, b"full")
    clock.advance(HOUR)
    await house.settle()
    await tell(house, DeliveryStatus.RETRYING, b"full")
    assert await column(house, Delivery.status, Delivery.bounces) == [("sent", 1)]


@pytest.mark.parametrize("status", [DeliveryStatus.DELIVERED, DeliveryStatus.READ])
async def test_what_has_arrived_is_not_sent_again(house: House, clock: FrozenClock, status: DeliveryStatus) -> None:
    await say(house, "m1")
    await patient(house)
    await tell(house, status, b"ok")
    await tell(house, DeliveryStatus.RETRYING, b"full")
    assert await statuses(house) == [status]


async def test_what_turns_out_to_have_arrived_while_it_waited_is_not_sent_again(
    house: House, clock: FrozenClock
) -> None:
    await say(house, "m1")
    await patient(house)
    await tell(house, DeliveryStatus.RETRYING, b"full")
    await tell(house, DeliveryStatus.SENT, b"late word on the first try")
    assert await statuses(house) == ["retrying"]
    await tell(house, DeliveryStatus.DELIVERED, b"ok")
    clock.advance(2 * HOUR)
    await house.settle()
    assert (tries(house), await statuses(house)) == (1, ["delivered"])


async def test_a_hard_bounce_ends_the_waiting(house: House, clock: FrozenClock) -> None:
    await say(house, "m1")
    await patient(house)
    await tell(house, DeliveryStatus.RETRYING, b"full")
    await tell(house, DeliveryStatus.FAILED, b"gone", reason="5.1.1")
    clock.advance(2 * HOUR)
    await house.settle()
    assert (tries(house), await statuses(house)) == (1, ["failed"])


async def test_a_bounce_that_is_faster_than_our_own_record_is_not_lost(house: House) -> None:
    await tell(house, DeliveryStatus.RETRYING, b"full", reason="mailbox full")
    await say(house, "m1")
    assert await column(house, Delivery.status, Delivery.reason) == [("failed", "mailbox full")]


async def test_news_without_an_identity_is_about_the_newest_message_to_the_address(
    house: House, clock: FrozenClock
) -> None:
    await say(house, "m1")
    clock.advance(1)
    await say(house, "m2")
    await house.ports["post"].accept([message("post", "post:2", "n1", "")])
    await house.settle()
    await tell(house, DeliveryStatus.FAILED, b"dsn", external_id="", address="post:1", reason="5.1.1")
    assert await statuses(house) == ["sent", "failed", "sent"]
    unmatched = text("SELECT count(*) FROM delivery_news WHERE delivery_id IS NULL")
    assert await house.database.read(lambda connection: connection.execute(unmatched).scalar()) == 0


async def test_a_passing_failure_of_nobody_knows_which_message_sends_none_again(
    house: House, clock: FrozenClock
) -> None:
    await say(house, "m1")
    await patient(house)
    await tell(house, DeliveryStatus.RETRYING, b"full", external_id="", address="post:1", reason="mailbox full")
    clock.advance(2 * HOUR)
    await house.settle()
    assert (tries(house), await statuses(house)) == (1, ["sent"])
    kept = text("SELECT reason FROM delivery_news")
    assert await house.database.read(lambda connection: connection.execute(kept).scalar()) == "mailbox full"


async def withdrawn(house: House) -> list[str]:
    """Addresses that want no marketing, and those that are closed."""
    consents = text("SELECT uri FROM consents JOIN addresses ON addresses.id = address_id WHERE granted IS FALSE")
    closed = text("SELECT 'closed ' || uri FROM addresses WHERE closed_at IS NOT NULL")
    return [
        *await house.database.read(lambda connection: connection.execute(consents).scalars().all()),
        *await house.database.read(lambda connection: connection.execute(closed).scalars().all()),
    ]


@pytest.mark.parametrize("named", ["", "post:2"])
async def test_a_complaint_about_a_message_of_ours_is_that_of_whom_it_went_to(house: House, named: str) -> None:
    await say(house, "m1")
    await house.ports["post"].accept([message("post", "post:2", "n1", "")])
    await house.settle()
    complaint = ConsentUpdate(
        channel="post",
        address=named,
        granted=False,
        source="complaint",
        at=house._clock(),
        raw=b"arf",
        external_id="c1",
        sent_as="p-d1",
    )
    await house.ports["post"].accept([complaint, replace(complaint, address="", external_id="c2", sent_as="p-none")])
    assert await withdrawn(house) == ["post:1"]


@pytest.mark.parametrize(
    ("sent_as", "named", "closed"),
    [
        ("p-d1", "post:1", ["closed post:1"]),
        ("p-d1", "post:2", []),
        ("p-none", "post:1", []),
    ],
)
async def test_a_bounce_closes_only_the_address_that_the_message_went_to(
    house: House, sent_as: str, named: str, closed: list[str]
) -> None:
    await say(house, "m1")
    await house.ports["post"].accept([message("post", "post:2", "n1", "")])
    await house.settle()
    word = AddressUpdate(
        channel="post",
        address=named,
        reachable=False,
        reason="5.1.1",
        at=house._clock(),
        raw=b"dsn",
        external_id="b1",
        sent_as=sent_as,
    )
    await house.ports["post"].accept([word])
    assert await withdrawn(house) == closed


async def test_news_about_an_address_that_we_never_wrote_to_is_kept_and_moves_nothing(house: House) -> None:
    await say(house, "m1")
    await tell(house, DeliveryStatus.FAILED, b"dsn", external_id="", address="post:9")
    await tell(house, DeliveryStatus.FAILED, b"dsn", external_id="")
    assert await statuses(house) == ["sent"]
    kept = text("SELECT count(*) FROM delivery_news")
    assert await house.database.read(lambda connection: connection.execute(kept).scalar()) == 2


async def test_units_and_cost_are_recorded_with_the_delivery(house: House) -> None:
    await say(house, "a-name-of-some-length", channel="meter")
    (recorded,) = await column(house, Delivery.units, Delivery.cost, Delivery.currency)
    assert recorded == (3, Decimal("0.01935"), "USD")


async def test_a_price_that_comes_later_is_recorded_and_moves_nothing_else(house: House) -> None:
    await say(house, "m1")
    await tell(house, DeliveryStatus.DELIVERED, b"1")
    await tell(house, DeliveryStatus.SENT, b"2", cost=Decimal("0.0075"), currency="EUR", units=2)
    (recorded,) = await column(house, Delivery.status, Delivery.units, Delivery.cost, Delivery.currency)
    assert recorded == ("delivered", 2, Decimal("0.0075"), "EUR")


async def test_the_books_balance_after_every_kind_of_news(house: House, clock: FrozenClock) -> None:
    for n in range(1, 6):
        await house.ports["post"].accept([message("post", f"post:{n}", f"m{n}", "")])
    await house.settle()
    await patient(house)
    for n, status in enumerate((DeliveryStatus.RETRYING, DeliveryStatus.FAILED, DeliveryStatus.READ), start=1):
        await tell(house, status, b"%d" % n, external_id=f"p-d{n}")
    assert sum(1 for _ in await statuses(house)) == 5
    await house.rest(clock)
    kept = await house.database.read(books.read)
    assert books.mistakes(kept, {}) == []
    assert sorted(str(line.status) for line in kept.outbound) == ["failed", "read", "sent", "sent", "sent"]


async def test_the_rate_of_a_channel_that_counts_segments_is_kept_in_segments(house: House, clock: FrozenClock) -> None:
    meter = house.channels["meter"]
    assert isinstance(meter, Metered)
    meter.limits = type(meter.limits)(text=1000, per_second=2, per_address=100)
    for n in range(4):
        await house.ports["meter"].accept([message("meter", f"meter:{n}", f"a-long-name-{n}", "")])
    left: list[int] = []
    for _ in range(8):
        await house.settle()
        left.append(len(meter.provider.taken))
        clock.advance(0.5)
    # Each reply has two segments: one message a second, where plain counting would send two.
    assert left == [1, 1, 2, 2, 3, 3, 4, 4]


async def test_the_rate_of_one_address_is_kept_in_segments(house: House, clock: FrozenClock) -> None:
    meter = house.channels["meter"]
    assert isinstance(meter, Metered)
    meter.limits = type(meter.limits)(text=1000, per_second=1000, per_address=1)
    for n in range(2):
        await house.ports["meter"].accept([message("meter", "meter:1", f"a-long-name-{n}", "")])
        await house.turns.settle()
    await house.settle()
    clock.advance(1.9)
    await house.settle()
    assert len(meter.provider.taken) == 1
    clock.advance(0.2)
    await house.settle()
    assert len(meter.provider.taken) == 2
