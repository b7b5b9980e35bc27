"""Mailboxes in the settings: what a person may write, and what they are told about it."""

from __future__ import annotations

import re
import tomllib
from dataclasses import asdict
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pydantic import BaseModel

from channels.mail.channel import MailChannel
from channels.mail.enclosing import LARGEST_FILES
from channels.mail.settings import MailLimits
from gateway.mailboxes import mailbox
from gateway.settings_mail import SECRETS, Mail, MailToken
from tests.gateway.settings_file import elsewhere, sentences, settings
from tests.given import CHECKOUT

__all__ = ["elsewhere"]

pytestmark = pytest.mark.usefixtures("elsewhere")

SHANGHAI = ZoneInfo("Asia/Shanghai")
MINIMAL = """
[[mail]]
address = "support@shop.example"
[mail.login]
user = "support@shop.example"
password = "geheim-geheim"
[mail.imap]
host = "imap.shop.example"
[mail.smtp]
host = "smtp.shop.example"
"""


def test_address_login_and_two_hosts_make_a_mailbox() -> None:
    given = settings(MINIMAL)
    (mail,) = given.mail
    made = mailbox(mail, key=b"k" * 32, public_url="https://chat.shop.example", zone=SHANGHAI)
    assert made.mailbox is not None
    assert made.submission is not None
    assert (made.name, made.mailbox.port, made.submission.port) == ("mail", 993, 465)
    assert (made.submission.user, made.submission.password) == ("support@shop.example", "geheim-geheim")
    channel = MailChannel(made)
    assert (channel.name, channel.scheme) == ("mail", "mailto")
    for shown in (repr(given), repr(made)):
        assert "geheim" not in shown


def test_several_mailboxes_are_channels_with_names_of_their_own() -> None:
    other = MINIMAL.replace("support@", "sales@").replace("[[mail]]", '[[mail]]\nname = "sales"')
    assert [mail.name for mail in settings(MINIMAL + other).mail] == ["mail", "sales"]
    assert sentences(MINIMAL + MINIMAL) == [
        "name of mail, second entry is mail, as another's; name each mailbox otherwise.",
        "address of mail, second entry is another mailbox's, too; give each mailbox an address of its own.",
    ]


def test_a_secret_may_stand_in_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from-a-file\n")
    text = MINIMAL.replace('password = "geheim-geheim"', f'password_file = "{tmp_path}/secret"')
    (mail,) = settings(text).mail
    made = mailbox(mail, key=b"k" * 32, public_url=None, zone=SHANGHAI)
    assert made.mailbox is not None
    assert made.mailbox.login.password == "from-a-file"
    (sentence,) = sentences(text.replace("/secret", "/absent"))
    assert sentence.startswith("mail.login.password_file names")


@pytest.mark.parametrize(
    ("change", "to", "sentence"),
    [
        ("support@shop.example", "Shop <a@b.c>", "mail.address (rapport.toml) is 'Shop <a@b.c>'"),
        ('address = "support@shop.example"', "", "mail.address (rapport.toml) is missing"),
        ('password = "geheim-geheim"', "", "mail.login has no secret; set password"),
        ("[mail.imap]", "[mail.imap]\nport = 99999", "mail.imap.port (rapport.toml) is 99999; it should be a port"),
        ("[mail.imap]", "[mail.imap]\nfodler = 1", "mail.imap.fodler (rapport.toml) is not a setting; did you mean"),
        ("[mail.imap]", "[mail.smpt]\n[mail.imap]", "mail.smpt (rapport.toml) is not a setting; did you mean mail"),
        ("[mail.imap]", '[mail.imap]\nafter = "delete"', "mail.imap.after (rapport.toml) is 'delete'; it should be"),
        ("[mail.imap]", '[mail.push]\nsecret = "geheim"\n[mail.imap]', "mail.push.secret (rapport.toml) does not"),
        ("[mail.imap]", "[mail.push]\n[mail.imap]", "mail.push.secret is missing, and"),
        ("[[mail]]", '[[mail]]\nname = "webchat"', "mail.name (rapport.toml) is 'webchat'; use small letters"),
        (
            "[mail.imap]",
            '[mail.login.token]\nurl = "https://a.example"\n[mail.imap]',
            "mail.login has a password and a token; set password",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_mailbox_is_told_in_a_sentence(change: str, to: str, sentence: str) -> None:
    assert any(each.startswith(sentence) for each in sentences(MINIMAL.replace(change, to))), sentences(
        MINIMAL.replace(change, to)
    )


def test_the_example_shows_every_key_of_a_mailbox_and_holds(tmp_path: Path) -> None:
    example = (CHECKOUT / "rapport.example.toml").read_text("utf-8")
    block = example[example.index("# [[mail]]") : example.index("[conversation]")]
    lines = [re.sub(r"^# ", "", line) for line in block.splitlines()]
    shown = tomllib.loads("\n".join(line for line in lines if not line.startswith("# ")))["mail"][0]
    optional = {line.split(" = ")[0].removeprefix("# ") for line in lines if line.startswith("# ") and " = " in line}
    Mail.model_validate(shown)
    named = {key for table in (shown, *tables(shown)) for key in table} | {"token"}
    for model in models(Mail):
        wanted = set(model.model_fields) - {name for name in SECRETS if f"{name}_file" in model.model_fields}
        assert wanted <= (optional if model is MailToken else named), model


def test_a_mistake_in_one_of_several_mailboxes_says_which() -> None:
    named = MINIMAL.replace("[[mail]]", '[[mail]]\nname = "sales"').replace("support@", "sales@")
    wrong = named.replace("[mail.imap]", "[mail.imap]\nport = 99999").replace('password = "geheim-geheim"', "")
    assert [each.split(";")[0] for each in sentences(MINIMAL + wrong)] == [
        "imap.port of mail sales (rapport.toml) is 99999"
    ]
    assert [each.split(";")[0] for each in sentences(MINIMAL + wrong.replace("port = 99999", ""))] == [
        "login of mail sales has no secret"
    ]
    nameless = wrong.replace('name = "sales"', "")
    assert [each.split(";")[0] for each in sentences(MINIMAL + nameless)] == [
        "imap.port of mail, second entry (rapport.toml) is 99999"
    ]


def tables(table: dict[str, object]) -> list[dict[str, object]]:
    return [value for value in table.values() if isinstance(value, dict)]


def models(model: type[BaseModel]) -> list[type[BaseModel]]:
    from gateway.settings import table_in

    inner = [table for field in model.model_fields.values() if (table := table_in(field)) is not None]
    return list(dict.fromkeys([model, *(each for table in inner for each in models(table))]))


def test_every_key_of_a_mailbox_says_in_words_what_would_be_right() -> None:
    assert [name for model in models(Mail) for name, field in model.model_fields.items() if not field.description] == []


def test_every_limit_of_a_mail_is_a_setting_under_the_name_that_a_refusal_says() -> None:
    lower = {
        "bytes": 100_000,
        "attachments": 1,
        "headers": 101,
        "header_bytes": 10_001,
        "parts": 11,
        "depth": 6,
        "text": 10_002,
        "html": 10_003,
    }
    others = "webhook_bytes = 100_001\nenclosed_bytes = 2\nforged_per_hour = 4"
    keys = "\n".join(f"{name} = {value}" for name, value in lower.items())
    (mail,) = settings(
        f'{MINIMAL}[mail.provider]\nname = "mailgun"\nkey = "geheim"\n[mail.limits]\n{keys}\n{others}\n'
    ).mail
    made = mailbox(mail, key=b"k" * 32, public_url=None, zone=SHANGHAI)
    assert asdict(made.accepts) == lower
    assert made.hook is not None
    assert (made.hook.body_limit, made.hook.fetch_limit) == (100_001, 100_001)
    assert (made.enclosed_bytes, made.forged_per_hour) == (2, 4)
    (without,) = settings(MINIMAL).mail
    left_alone = mailbox(without, key=b"k" * 32, public_url=None, zone=SHANGHAI)
    assert left_alone.accepts == MailLimits()
    assert left_alone.enclosed_bytes == LARGEST_FILES
