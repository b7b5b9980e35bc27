"""The business's own pages around its mails, from the playbook's folder to the mail that leaves."""

from __future__ import annotations

import shutil
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.playbook import PlaybookMistakes
from channels.envelope import OutboundMessage
from channels.mail.layout import LAYOUTS
from channels.mail.providers import PROVIDERS
from channels.protocol import Channel
from gateway import check
from gateway.channels import configured_channels
from gateway.pages import LARGEST, layouts
from gateway.settings import Settings, load
from tests.channels.smtp_server import SmtpServer
from tests.clock import FrozenClock
from tests.given import CHECKOUT

PAGE = "<html><body><h1>Shanlan</h1>\n{{text}}\n{{quoted}}\n{{footer}}\n</body></html>\n"


@pytest.fixture
def playbook(tmp_path: Path) -> Path:
    folder = tmp_path / "playbook"
    shutil.copytree(CHECKOUT / "playbook", folder)
    (folder / "mail").mkdir()
    return folder


def settings(playbook: Path, port: int = 25) -> Settings:
    file = playbook.parent / "rapport.toml"
    file.write_text(
        f"""
playbook = "{playbook}"
[[mail]]
address = "support@shop.example"
[mail.smtp]
host = "127.0.0.1"
port = {port}
security = "plain"
no_login = true
[mail.provider]
name = "postmark"
user = "hook"
password = "hook-hook-hook"
"""
    )
    return load(file)


def mailbox_of(settings: Settings, clock: FrozenClock) -> Channel:
    keys = {"webchat_key": b"w" * 32, "mail_key": b"m" * 32}
    channels = configured_channels(settings, **keys, zone=ZoneInfo("UTC"), clock=clock)
    return next(channel for channel in channels if channel.name == "mail")


def message(language: str) -> OutboundMessage:
    return OutboundMessage(
        channel="mail", address="mailto:lin@example.com", text="It left.", key=f"d-{language}", language=language
    )


def test_a_playbook_without_pages_has_ours() -> None:
    assert layouts(CHECKOUT / "playbook") == LAYOUTS


async def test_a_page_of_the_business_goes_around_its_mails_and_the_provider_is_told_which_mail_it_is(
    playbook: Path, clock: FrozenClock
) -> None:
    (playbook / "mail" / "en.html").write_text(PAGE)
    server = SmtpServer()
    async with server.running():
        (channel,) = [
            each
            for each in configured_channels(
                settings(playbook, server.port),
                webchat_key=b"w" * 32,
                mail_key=b"m" * 32,
                zone=ZoneInfo("UTC"),
                clock=clock,
            )
            if each.name == "mail"
        ]
        for language in ("en", "zh-Hans"):
            message = OutboundMessage(
                channel="mail",
                address="mailto:lin@example.com",
                text="It left.",
                key=f"d-{language}",
                language=language,
            )
            receipt = await channel.send(message)
        await channel.stop()
    english, chinese = (taken.content.decode() for taken in server.taken)
    assert "<h1>Shanlan</h1>\r\n<p>It left.</p>" in english
    assert "<h1>Shanlan</h1>" not in chinese
    tracing = PROVIDERS["postmark"].tracing
    assert tracing is not None
    assert tracing(receipt.external_ids[0])[0] in chinese


async def test_what_is_wrong_with_a_page_is_told_by_file_and_line_at_the_start(
    playbook: Path, clock: FrozenClock
) -> None:
    folder = playbook / "mail"
    (folder / "en.html").write_text(PAGE.replace("{{quoted}}", "{{quotes}}"))
    (folder / "zh-Hans.html").write_bytes("退订".encode("gbk"))
    (folder / "zh.html").write_text(PAGE)
    (folder / "zh-Hant.html").write_text(PAGE + "x" * LARGEST)
    (folder / ".DS_Store").write_text("")
    with pytest.raises(PlaybookMistakes) as told:
        mailbox_of(settings(playbook), clock)
    assert [str(mistake).partition(";")[0] for mistake in told.value.mistakes] == [
        "mail/en.html:3: here is {{quotes}} where {{quoted}} should be. A page for mails has {{text}}, {{quoted}} and"
        " {{footer}}, each once and in this order, and no other places.",
        "mail/zh-Hans.html:1: this is not UTF-8.",
        "mail/zh-Hant.html:1: a page for mails has at most 100,000 bytes",
        "mail/zh.html:1: a page for mails is called en.html, zh-Hans.html, zh-Hant.html.",
    ]
    findings = await check.check_playbook(settings(playbook))
    assert len([finding for finding in findings if "/mail/" in finding.sentence]) == 4
