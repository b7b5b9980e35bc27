"""Mails that a webhook only points to, or brings in pieces: put together so that there is one way to read them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given as property_of
from hypothesis import settings
from hypothesis import strategies as st

from channels.mail.message import parse
from channels.mail.providers import PROVIDERS
from channels.mail.providers.assembling import AttachedFile, assemble
from channels.mail.providers.seam import Credentials, ReceivedMail
from channels.mail.providers.ses import sign_get
from channels.request import Request, Unreadable

NOW = datetime(2013, 5, 24, tzinfo=UTC)


class Places:
    """What is to be had where; remembers who asked for what, and with which headers."""

    def __init__(self, contents: Mapping[str, bytes]) -> None:
        self.contents = contents
        self.asked: list[tuple[str, Mapping[str, str]]] = []

    async def get(self, url: str, headers: Mapping[str, str]) -> bytes:
        self.asked.append((url, headers))
        return self.contents[url]


async def fetched(name: str, mail: ReceivedMail, places: Places, credentials: Credentials) -> bytes:
    fetch = PROVIDERS[name].fetch
    assert fetch is not None
    return await fetch(mail, credentials, places.get, NOW)


def received(name: str, body: bytes, content_type: str = "application/json") -> ReceivedMail:
    request = Request(method="POST", url="/", headers={"content-type": content_type}, body=body)
    (event,) = PROVIDERS[name].read(request)
    assert event.mail is not None
    return event.mail


def test_a_request_to_amazons_store_is_signed_as_published() -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, example "GET Bucket Lifecycle"."""
    headers = sign_get(
        "examplebucket.s3.amazonaws.com",
        "/",
        "lifecycle=",
        region="us-east-1",
        access_key="AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        now=NOW,
    )
    signature = headers["Authorization"].rpartition("Signature=")[2]
    assert signature == "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"


async def test_a_mail_in_a_bucket_is_fetched_from_where_the_notification_says() -> None:
    action = {"type": "S3", "topicArn": "arn:aws:sns:eu-west-1:1:mail", "bucketName": "box", "objectKey": "in/a b"}
    message = {"notificationType": "Received", "mail": {"messageId": "m"}, "receipt": {"action": action}}
    mail = received("ses", json.dumps({"Type": "Notification", "Message": json.dumps(message)}).encode())
    url = "https://box.s3.eu-west-1.amazonaws.com/in/a%20b"
    places = Places({url: b"Subject: hi\r\n\r\nwhole"})
    assert await fetched("ses", mail, places, Credentials(api_key="AKID:secret")) == b"Subject: hi\r\n\r\nwhole"
    assert "secret" not in str(places.asked)


STORED = b"message-url=%b&attachments=%%5B%%5D&message-headers=%%5B%%5D&timestamp=1&token=t&signature=s"


async def test_a_stored_mail_is_fetched_from_mailgun() -> None:
    url = "https://storage-eu.api.mailgun.net/v3/domains/x/messages/y"
    mail = received("mailgun", STORED % url.encode(), "application/x-www-form-urlencoded")
    places = Places({url: json.dumps({"body-mime": "Subject: hi\r\n\r\nwhole"}).encode()})
    assert await fetched("mailgun", mail, places, Credentials(api_key="key")) == b"Subject: hi\r\n\r\nwhole"


@pytest.mark.parametrize(
    "url", ["https://example.org/v3", "http://api.mailgun.net/v3", "https://mailgun.net.example.org/", "https://["]
)
async def test_our_key_goes_to_no_other_place_than_mailguns(url: str) -> None:
    """Mailgun signs a time and a token, not the address: whoever has these must not learn our key."""
    mail = received("mailgun", STORED % url.encode(), "application/x-www-form-urlencoded")
    places = Places({url: b"{}"})
    with pytest.raises(Unreadable):
        await fetched("mailgun", mail, places, Credentials(api_key="key"))
    assert places.asked == []


async def test_brevos_attachments_are_fetched_by_their_tokens() -> None:
    item = {
        "Uuid": ["u"],
        "Headers": {"From": "安 <ann@example.org>", "Subject": "订单", "Received": ["one", "two"]},
        "RawTextBody": "在吗？",
        "Attachments": [{"Name": "发票.pdf", "ContentType": "application/pdf", "DownloadToken": "a/b"}],
    }
    mail = received("brevo", json.dumps({"items": [item]}).encode())
    places = Places({"https://api.brevo.com/v3/inbound/attachments/a%2Fb": b"%PDF"})
    read = parse(await fetched("brevo", mail, places, Credentials(api_key="key")))
    assert (read.subject, read.text.strip(), read.from_.address) == ("订单", "在吗？", "ann@example.org")
    assert [(each.name, each.content_type, each.size) for each in read.attachments] == [
        ("发票.pdf", "application/pdf", 4)
    ]


async def test_resends_pieces_are_put_together_where_it_has_no_whole() -> None:
    data = {"email_id": "e/1", "from": "ann@example.org"}
    mail = received("resend", json.dumps({"type": "email.received", "data": data}).encode())
    whole = {
        "from": "Ann <ann@example.org>",
        "to": ["shop@example.com"],
        "headers": {"subject": "hi", "references": "<a@b.c>"},
        "text": "Hello",
        "attachments": [{"filename": "a.txt", "content_type": "text/plain", "download_url": "https://files/1"}],
    }
    places = Places(
        {"https://api.resend.com/emails/receiving/e%2F1": json.dumps(whole).encode(), "https://files/1": b"file"}
    )
    read = parse(await fetched("resend", mail, places, Credentials(api_key="key")))
    assert (read.subject, read.text.strip(), read.references) == ("hi", "Hello", ("a@b.c",))
    assert [(each.name, each.size) for each in read.attachments] == [("a.txt", 4)]


def test_files_under_names_that_are_no_names_are_kept() -> None:
    parts = [
        b'--x\r\nContent-Disposition: form-data; name="attachment-%d"; filename="%b"\r\n\r\nfile\r\n' % (number, name)
        for number, name in enumerate((b"", b"..", b"path\\", b"a/b.txt"), 1)
    ]
    rest = b'--x\r\nContent-Disposition: form-data; name="body-plain"\r\n\r\nHello\r\n--x--\r\n'
    mail = received("mailgun", b"".join(parts) + rest, "multipart/form-data; boundary=x")
    read = parse(mail.raw)
    assert [each.size for each in read.attachments] == [4, 4, 4, 4]
    assert all(each.name and "/" not in each.name and ".." not in each.name for each in read.attachments)


def test_a_header_cannot_make_another() -> None:
    raw = assemble([("Subject", "a\r\nBcc: eve@example.org\r\n\r\nbody"), ("X\r\nY", "b"), ("To", "a@b.c")], "t", None)
    read = parse(raw)
    assert (read.subject, read.text) == ("a Bcc: eve@example.org body", "t")
    assert "bcc" not in read.headers


MUCH = 400_000


@pytest.mark.parametrize("piece", [" ", "\t", "\r\n ", ";", "; a", "(", "<", "--x\r\n", "%", "&", '"', "a="])
def test_much_of_one_thing_costs_no_more_than_its_length(piece: str) -> None:
    """Where the time grew with the square of the size, this would take hours."""
    much = piece * (MUCH // len(piece))
    assert parse(assemble([("Subject", "hi"), ("X-Much", much[:100_000])], "text", None)).subject == "hi"
    assemble([("X-Much", much)], much, much)
    form = f'--x\r\nContent-Disposition: form-data; name="email"{much}\r\n\r\nhi\r\n--x--'.encode()
    for name, body, kind in (
        ("sendgrid", form, "multipart/form-data; boundary=x"),
        ("mailgun", much.encode(), "application/x-www-form-urlencoded"),
        ("brevo", json.dumps({"event": "hard_bounce", "email": much, "reason": much}).encode(), "application/json"),
    ):
        request = Request(method="POST", url="/", headers={"content-type": kind}, body=body)
        with suppress(Unreadable):
            assert PROVIDERS[name].read(request) is not None


ANYTHING = st.text(max_size=30)
FILES = st.builds(
    AttachedFile,
    content=st.binary(max_size=50),
    content_type=ANYTHING | st.sampled_from(["text/plain", "image/png", "message/rfc822"]),
    name=st.none() | ANYTHING,
    content_id=st.none() | ANYTHING,
)


@property_of(
    headers=st.lists(st.tuples(ANYTHING, ANYTHING), max_size=4),
    text=st.none() | ANYTHING,
    html=st.none() | ANYTHING,
    files=st.lists(FILES, max_size=3),
)
@settings(max_examples=150)
def test_whatever_a_provider_took_a_mail_apart_into_becomes_a_mail(
    headers: list[tuple[str, str]], text: str | None, html: str | None, files: list[AttachedFile]
) -> None:
    plain = [replace(file, content_type="application/octet-stream") for file in files]
    read = parse(assemble([("From", "ann@example.org"), *headers], text, html, plain))
    assert len(read.attachments) == len(files)
    assert parse(assemble([("From", "ann@example.org"), *headers], text, html, files)) is not None
