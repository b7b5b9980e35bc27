"""`rapport inspect mail`: one mail, one JSON line, whatever it is."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from gateway.cli.app import app
from gateway.cli.inspecting import inspect_app
from gateway.inspecting_mail import inspect_mail
from tests.given import DATA, given

REPLY = """From: =?utf-8?B?5p2O5qKF?= <mei@example.org>
To: Shop <support@shop.example>
Subject: Re: Your order
Message-ID: <2@example.org>
In-Reply-To: <1@shop.example>
References: <0@shop.example> <1@shop.example>
Date: Tue, 5 Mar 2024 10:15:00 +0800
Content-Type: multipart/mixed; boundary=xx

--xx

It is still broken.

On Mon, 4 Mar 2024 at 09:00, Shop <support@shop.example> wrote:
> Does it work now?

--
Mei
--xx
Content-Type: image/png; name=photo.png
Content-Transfer-Encoding: base64

UE5H
--xx--
"""


def test_an_answer_is_told_with_what_was_written_now() -> None:
    told = inspect_mail(REPLY.encode())
    assert told["from"] == "mei@example.org"
    assert told["from_name"] == "李梅"
    assert told["to"] == ["support@shop.example"]
    assert told["subject"] == "Re: Your order"
    assert told["reply"] == "It is still broken."
    assert "Does it work now?" in told["text"]
    assert (told["external_id"], told["in_reply_to"]) == ("2@example.org", "1@shop.example")
    assert told["references"] == ("0@shop.example", "1@shop.example")
    assert told["date"] == "2024-03-05T02:15:00Z"
    (photo,) = told["attachments"]
    assert (photo["name"], photo["content_type"], photo["size"], photo["inline"]) == (
        "photo.png",
        "image/png",
        3,
        False,
    )
    assert told["auto_submitted"] is told["bounce"] is told["feedback"] is None
    assert told["charset_repaired"] is False


def test_an_auto_reply_says_so() -> None:
    assert inspect_mail(b"From: a@b.example\nAuto-Submitted: auto-replied\nSubject: Out of office\n\nI am away.\n")[
        "auto_submitted"
    ]


def test_bytes_that_are_no_mail_are_an_error() -> None:
    assert set(inspect_mail(b"\0\1\2\3" * 100)) == {"error"}
    assert set(inspect_mail(b"")) == {"error"}


def test_each_file_is_a_line_in_their_order(tmp_path: Path) -> None:
    (tmp_path / "a").write_text(REPLY)
    (tmp_path / "b").write_bytes(b"")
    assert inspect_app in [group.typer_instance for group in app.registered_groups]
    output = (
        CliRunner()
        .invoke(app, ["inspect", "mail", str(tmp_path / "a"), str(tmp_path / "b"), str(tmp_path / "c")])
        .stdout
    )
    first, second, third = (orjson.loads(line) for line in output.splitlines())
    assert first["external_id"] == "2@example.org"
    assert "error" in second
    assert "error" in third


@pytest.mark.parametrize("folder", ["sisimai_bounces/bounce", "zammad", "chatwoot"])
def test_every_given_mail_is_a_line_of_json(folder: str) -> None:
    given(f"mail/{folder}")
    for file in sorted((DATA / "mail" / folder).iterdir()):
        if file.suffix in {".eml", ".box"}:
            told = orjson.loads(orjson.dumps(inspect_mail(file.read_bytes())))
            assert "error" not in told, file.name
