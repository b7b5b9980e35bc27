"""`rapport check` tries each mailbox both ways, and says what is wrong without a secret."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gateway.check import Level, check_mail
from gateway.settings import Settings
from tests.channels.dovecot import PASSWORD, Dovecot
from tests.channels.smtp_server import SmtpServer


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    server = Dovecot.create()
    yield server
    server.remove()


def settings(dovecot: Dovecot, port: int, password: str = PASSWORD, **imap: Any) -> Settings:
    return Settings.model_validate(
        {
            "mail": [
                {
                    "address": "support@shop.example",
                    "login": {"user": "support", "password": password},
                    "imap": {"host": "127.0.0.1", "port": dovecot.port, "security": "plain", **imap},
                    "smtp": {"host": "127.0.0.1", "port": port, "security": "plain", "no_login": True},
                }
            ]
        }
    )


async def test_a_mailbox_that_works_is_said_to_work_and_no_way_out_of_marketing_is_noted(dovecot: Dovecot) -> None:
    server = SmtpServer()
    async with server.running():
        found = await check_mail(settings(dovecot, server.port))
    assert [each.level for each in found] == [Level.FINE, Level.FINE, Level.NOTE]
    assert "support has 0 mails in INBOX" in found[0].sentence
    assert "takes our mail" in found[1].sentence
    assert server.taken == [], "nothing is sent"


async def test_each_half_that_does_not_work_is_told_by_itself(dovecot: Dovecot) -> None:
    found = await check_mail(settings(dovecot, 9, password="geheim-geheim"))
    mistakes = [each.sentence for each in found if each.level is Level.MISTAKE]
    assert "support@shop.example at 127.0.0.1: the mailbox refuses our login." in mistakes
    assert len(mistakes) == 2
    assert not any("geheim" in each for each in mistakes)
    (folder, *_) = await check_mail(settings(dovecot, 9, folder="Inbox/absent"))
    assert folder.sentence.endswith("the mailbox has no folder Inbox/absent.")


async def test_without_a_mailbox_there_is_nothing_to_try() -> None:
    assert await check_mail(Settings()) == []


async def test_where_mail_is_brought_to_is_told() -> None:
    mail = {
        "name": "support",
        "address": "support@shop.example",
        "push": {"secret": "f" * 32},
        "provider": {"name": "mailgun", "key": "k" * 32},
    }
    public = {"public_url": "https://chat.shop.example"}
    found = await check_mail(Settings.model_validate({"mail": [mail], "server": public}))
    assert [(each.level, each.sentence) for each in found] == [
        (Level.FINE, "Your mail server hands mails in at https://chat.shop.example/mail/support/push."),
        (
            Level.FINE,
            "Mailgun brings mails and news of what was sent at https://chat.shop.example/mail/support/hook.",
        ),
    ]
    found = await check_mail(Settings.model_validate({"mail": [mail]}))
    assert [each.level for each in found] == [Level.NOTE, Level.NOTE]
