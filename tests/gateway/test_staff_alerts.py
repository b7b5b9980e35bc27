"""Alerts leave the house: once, gathered, with what became of each; a Telegram account is linked by showing a code."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from channels.envelope import Event, InboundMessage, OutboundMessage, Receipt, SendError, SendErrorCode
from desk import alert_hours, alert_letters, alerts, channel_health, passwords, staff
from desk.logins import Present
from gateway.gateway import Gateway
from gateway.staff_alerts import StaffAlerts
from storage.alerts import Alert, AlertKind, AlertLetter, LetterStatus, Way
from storage.contacts import Contact
from storage.interactions import Interaction
from tests.clock import FrozenClock
from tests.gateway.desk_house import House, Letters, open_house


class Post(Letters):
    """A channel that can be told to fail, and to invite."""

    trouble: SendError | None = None

    async def send(self, message: OutboundMessage) -> Receipt:
        if self.trouble is not None:
            raise self.trouble
        return await super().send(message)

    async def invitation(self, code: str) -> str:
        return f"https://t.me/bot?start={code}"


ADA = Present(staff=1, name="Ada", email="", roles=("admin",), language="en", session=b"", seen_at=FrozenClock().now())


@pytest.fixture
def mail() -> Post:
    return Post("support")


@pytest.fixture
def telegram() -> Post:
    return Post("telegram")


@pytest.fixture
async def house(
    migrated_url: str, tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch, mail: Post, telegram: Post
) -> AsyncGenerator[House]:
    # The test is the clock.
    monkeypatch.setattr(Gateway, "_tell_staff", _at_rest)
    async with open_house(migrated_url, tmp_path, clock, monkeypatch, Letters(), mail, telegram) as opened:
        token = await opened.do(staff.first_link)
        assert token is not None
        come = {"name": "Ada", "email": "ada@shop.test", "language": "en", "client": "::1"}
        await opened.do(staff.come_in, token=token, password=passwords.hashed("correct horse battery"), **come)
        yield opened


async def _at_rest(_gateway: Gateway) -> None: ...


def sender(house: House, url: str | None = "https://desk.shop.test") -> StaffAlerts:
    return StaffAlerts(
        house.gateway.commits,
        house.gateway.channels,
        process="test",
        mailbox="support",
        public_url=url,
        business=lambda language: f"Shop ({language})",
    )


async def tell(house: House, kind: AlertKind = AlertKind.MENTIONED, subject: str = "conversation:7") -> None:
    await house.do(alerts.raise_alert, kind=kind, subject=subject, staff="Ada", who="Ben")


def letters(house: House) -> list[tuple[LetterStatus, str | None]]:
    return [(row["status"], row["reason"]) for row in house.rows(AlertLetter)]


async def test_three_mentions_are_one_mail_with_links_and_nothing_private(house: House, mail: Post) -> None:
    for number in (7, 8, 9):
        await tell(house, subject=f"conversation:{number}")
    assert await sender(house).send_due() == 0, "it gathers first"
    house.clock.advance(60)
    assert await sender(house).send_due() == 1
    (message,) = mail.sent
    assert message.address == "mailto:ada@shop.test"
    assert message.subject == "Shop (en): 3 alerts"
    assert message.automatic
    assert "Ben mentioned you in conversation 8." in message.text
    assert "https://desk.shop.test/console/alerts/2" in message.text
    assert letters(house) == [(LetterStatus.SENT, None)]
    assert await sender(house).send_due() == 0, "once"


async def test_without_a_public_address_there_is_no_link(house: House, mail: Post) -> None:
    await tell(house)
    house.clock.advance(60)
    await sender(house, url=None).send_due()
    assert mail.sent[0].subject == "Shop (en): Ben mentioned you in conversation 7."
    assert "http" not in mail.sent[0].text


async def test_what_was_read_in_time_is_not_mailed(house: House, mail: Post) -> None:
    await tell(house)
    await house.do(alerts.read, staff=1, alert=1)
    house.clock.advance(60)
    await sender(house).send_due()
    assert mail.sent == []
    assert letters(house) == [(LetterStatus.SKIPPED, "read")]


async def test_a_mail_that_cannot_leave_now_is_tried_again_later(house: House, mail: Post) -> None:
    await tell(house)
    house.clock.advance(60)
    mail.trouble = SendError(SendErrorCode.UNREACHABLE, "refused")
    await sender(house).send_due()
    assert letters(house) == [(LetterStatus.RETRYING, "unreachable")]
    mail.trouble = None
    assert await sender(house).send_due() == 0, "not at once"
    house.clock.advance(31)
    assert await sender(house).send_due() == 1


async def test_it_is_given_up_at_last(house: House, mail: Post) -> None:
    await tell(house)
    mail.trouble = SendError(SendErrorCode.UNREACHABLE, "refused")
    for _ in range(alert_letters.MOST_ATTEMPTS + 1):
        house.clock.advance(20 * 60)
        await sender(house).send_due()
    assert letters(house) == [(LetterStatus.FAILED, "unreachable")]


async def test_an_answer_that_was_lost_is_not_asked_for_by_sending_again(house: House, mail: Post) -> None:
    await tell(house)
    house.clock.advance(60)
    mail.trouble = SendError(SendErrorCode.NO_ANSWER, "lost")
    await sender(house).send_due()
    assert letters(house) == [(LetterStatus.UNKNOWN, "no_answer")]
    await tell(house)
    house.clock.advance(60)
    await house.do(alert_letters.claim, holder="died", ways=(Way.MAIL,))
    house.clock.advance(24 * 3600)
    if house.gateway.settings.embedded:  # elsewhere the server's clock measures leases
        await sender(house).send_due()
        assert letters(house)[1] == (LetterStatus.UNKNOWN, "stopped")


async def test_two_processes_never_send_the_same_letter(house: House) -> None:
    await tell(house)
    house.clock.advance(60)
    first = await house.do(alert_letters.claim, holder="a", ways=(Way.MAIL,))
    second = await house.do(alert_letters.claim, holder="b", ways=(Way.MAIL,))
    assert (len(first), len(second)) == (1, 0)


def start(code: str, number: int = 1) -> InboundMessage:
    return InboundMessage(
        channel="telegram",
        event=Event.MESSAGE,
        external_id=f"update-{number}",
        address="telegram:4242",
        sent_at=FrozenClock().now(),
        raw=b"{}",
        text=f"/start {code}",
        start_parameter=code,
    )


async def test_whoever_shows_their_code_is_told_there_and_becomes_no_customer(house: House, telegram: Post) -> None:
    code = await house.do(alert_hours.begin_telegram, present=ADA, zone="Asia/Shanghai")
    accepted = await telegram.port.accept([start(code)])
    assert [one.interaction_id for one in accepted] == [None]
    assert house.rows(Contact) == []
    assert house.rows(Interaction) == []
    assert "Ada, alerts now reach you here" in telegram.sent[0].text
    await house.do(alerts.choose, present=ADA, ways={AlertKind.MENTIONED: ["telegram"]})
    await tell(house)
    house.clock.advance(60)
    await house.gateway.staff_alerts.send_due()
    assert telegram.sent[1].address == "telegram:4242"
    assert "Ben mentioned you" in telegram.sent[1].text
    await telegram.port.accept([start(code, 2)])
    assert "used already" in telegram.sent[2].text


async def test_customers_in_the_same_batch_are_received_as_ever(house: House, telegram: Post) -> None:
    code = await house.do(alert_hours.begin_telegram, present=ADA, zone="Asia/Shanghai")
    accepted = await telegram.port.accept([start("campaign-7", 1), start(code, 2), start("", 3)])
    assert [one.interaction_id is None for one in accepted] == [False, True, False]


async def test_a_channel_that_lets_nothing_through_is_told_of_once(house: House, mail: Post) -> None:
    mail.trouble = SendError(SendErrorCode.UNAUTHORIZED, "535")
    for number in range(3):
        await mail.receive("hello", sender=f"ann{number}", clock=house.clock)
        await house.gateway.settle()
    assert await house.do(channel_health.look_at_channels) == 1
    assert await house.do(channel_health.look_at_channels) == 1
    told = house.rows(Alert)
    assert [(row["kind"], row["subject"]) for row in told] == [(AlertKind.CHANNEL_DOWN, "channel:support")]
    mail.trouble = None
    house.clock.advance(600)
    await mail.receive("hello", sender="bob", clock=house.clock)
    await house.gateway.settle()
    assert await house.do(channel_health.look_at_channels) == 0


def test_a_customer_who_blocked_us_says_nothing_about_the_channel() -> None:
    class Row:
        status = "failed"
        reason = "blocked: 403"
        attempts = 3
        updated_at = FrozenClock().now()

    assert channel_health.trouble([Row(), Row(), Row()]) is None
    Row.reason = "unreachable: refused"
    assert channel_health.trouble([Row()]) == "unreachable"
    Row.attempts = 1
    assert channel_health.trouble([Row(), Row()]) is None
