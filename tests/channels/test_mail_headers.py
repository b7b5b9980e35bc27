"""Who wrote to whom, when and about what: headers as they are meant, however they are broken."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from channels.mail.message import ParsedMail, parse


def mail(headers: str | bytes, body: bytes = b"hello") -> ParsedMail:
    return parse((headers if isinstance(headers, bytes) else headers.encode()) + b"\n\n" + body)


@pytest.mark.parametrize(
    ("subject", "meant"),
    [
        ("=?UTF-8?B?5rC05aO2?=", "水壶"),
        ("=?utf-8?Q?caf=C3=A9_au_lait?=", "café au lait"),
        ("=?utf-8?Q?one?=\n =?utf-8?Q?two?=", "onetwo"),
        ("=?utf-8?Q?one?= and =?utf-8?Q?two?=", "one and two"),
        ("=?utf-8?B?5rC0?= =?utf-8?B?5aO2?=", "水壶"),
        # characters cut in two, in the middle of base64 as well
        ("=?utf-8?B?5rA=?= =?utf-8?B?tA==?=", "水"),
        ("=?utf-8?Q?=E6=B0?=\n\t=?utf-8?Q?=B4?=", "水"),
        ("=?gb2312?B?wg==?= =?gb2312?B?7Q==?=", "马"),
        # padding that is missing, spaces within, words that never end, words in quotes or glued to text
        ("=?utf-8?B?5rC0?=", "水"),
        ("=?utf-8?B?5rC05aO25Z2P5LqG?", "水壶坏了"),
        ("=?utf-8?B?5rC0\n 5aO2?=", "水壶"),
        ("=?utf-8?Q?an order with spaces?=", "an order with spaces"),
        ('"=?utf-8?Q?quoted?="', '"quoted"'),
        ("Re:=?utf-8?Q?_glued?=!", "Re: glued!"),
        ("=?utf-8*en?Q?language?=", "language"),
        ("=?x-unknown?Q?caf=C3=A9?=", "café"),
        ("=?ISO-2022-JP?B?GyRCJDMkcyRLJEEkTxsoQg==?=", "こんにちは"),
        ("=?not a word?=", "=?not a word?="),
        ("100% =? sure", "100% =? sure"),
        ("folded\n  by hand", "folded by hand"),
    ],
)
def test_a_subject_is_read_however_it_is_encoded(subject: str, meant: str) -> None:
    assert mail(f"From: a@b.example\nSubject: {subject}").subject == meant


@pytest.mark.parametrize("charset", ["utf-8", "gb18030", "big5", "shift_jis", "euc_kr"])
def test_a_subject_in_raw_bytes_is_read_in_the_set_that_the_text_declares(charset: str) -> None:
    words = {"big5": "水壺壞了", "shift_jis": "こんにちは", "euc_kr": "안녕하세요"}.get(charset, "水壶坏了，要退货")
    headers = f"From: a@b.example\nSubject: {words}\nContent-Type: text/plain; charset={charset}"
    assert mail(headers.encode(charset), words.encode(charset)).subject == words


def test_a_subject_in_raw_bytes_of_which_nothing_is_declared_is_recognised() -> None:
    raw = "From: a@b.example\nSubject: 我的订单还没有收到，请帮我查一下\n".encode("gb18030")
    assert mail(raw).subject == "我的订单还没有收到，请帮我查一下"


@pytest.mark.parametrize(
    ("value", "name", "address"),
    [
        ("mei@example.org", "", "mei@example.org"),
        ("<mei@example.org>", "", "mei@example.org"),
        ("Mei Li <mei@example.org>", "Mei Li", "mei@example.org"),
        ('"Li, Mei" <mei@example.org>', "Li, Mei", "mei@example.org"),
        ("Li, Mei <mei@example.org>", "Li, Mei", "mei@example.org"),
        ("mei@example.org (Mei Li)", "Mei Li", "mei@example.org"),
        ("mei@example.org (Mei (the younger) Li)", "Mei (the younger) Li", "mei@example.org"),
        ("Mei Li mei@example.org", "Mei Li", "mei@example.org"),
        ("Mei Li <mei@example.org", "Mei Li", "mei@example.org"),
        ("Mei Li <<mei@example.org>>", "Mei Li", "mei@example.org"),
        ("Mei Li [mailto:mei@example.org]", "Mei Li", "mei@example.org"),
        ("<mei@example.org> Mei Li", "Mei Li", "mei@example.org"),
        ("'Mei Li' <mei@example.org>", "Mei Li", "mei@example.org"),
        ('"mei@example.org" <mei@example.org>', "", "mei@example.org"),
        ("=?utf-8?B?5p2O5qKF?= <mei@example.org>", "李梅", "mei@example.org"),
        ('"=?utf-8?B?5p2O5qKF?=" <mei@example.org>', "李梅", "mei@example.org"),
        ("=?utf-8?Q?Li=2C_Mei?= <mei@example.org>", "Li, Mei", "mei@example.org"),
        ("=?utf-8?Q?Mei_Li_=3Cmei=40example=2Eorg=3E?=", "Mei Li", "mei@example.org"),
        ('"Mei \\"Plum\\" Li" <mei@example.org>', 'Mei "Plum" Li', "mei@example.org"),
        ('"mei li"@example.org', "", '"mei li"@example.org'),
        ("Mei <@relay.example:mei@example.org>", "Mei", "mei@example.org"),
        ("梅@例子.测试", "", "梅@例子.测试"),
        ("MAILER-DAEMON", "", "MAILER-DAEMON"),
        ("Friends: mei@example.org, b@example.org;", "", "mei@example.org"),
        ("", "", ""),
    ],
)
def test_who_wrote_is_found(value: str, name: str, address: str) -> None:
    found = mail(f"From: {value}\nSubject: x").from_
    assert (found.name, found.address) == (name, address)


@pytest.mark.parametrize("name", ["Sender", "Reply-To", "Return-Path"])
def test_a_mail_without_from_is_from_whoever_sent_it(name: str) -> None:
    assert mail(f"Subject: x\n{name}: <mei@example.org>").from_.address == "mei@example.org"


def test_everybody_whom_a_mail_went_to_is_found() -> None:
    first = 'To: Li, Mei <mei@example.org>; "B, C" <b@example.org>,, undisclosed: c@example.org, d@example.org;'
    headers = f"{first}\nTo: e@example.org"
    found = mail(f"From: a@b.example\n{headers}")
    assert [person.address.split("@")[0] for person in found.to] == ["mei", "b", "c", "d", "e"]
    assert found.to[0].name == "Li, Mei"


def test_nobody_named_is_nobody() -> None:
    assert mail("From: a@b.example\nTo: undisclosed-recipients:;").to == ()


@pytest.mark.parametrize(
    ("value", "identity"),
    [
        ("<a.b@c.example>", "a.b@c.example"),
        (" <a.b@c.example> ", "a.b@c.example"),
        ("a.b@c.example", "a.b@c.example"),
        ("<a.b\n @c.example>", "a.b@c.example"),
        ("<no-at-sign>", "no-at-sign"),
    ],
)
def test_a_mails_identity_is_without_its_brackets(value: str, identity: str) -> None:
    assert mail(f"From: a@b.example\nMessage-ID: {value}").external_id == identity


def test_a_mail_without_identity_is_known_by_its_content() -> None:
    first, again, other = mail("From: a@b.example"), mail("From: a@b.example"), mail("From: b@b.example")
    assert first.external_id == again.external_id != other.external_id
    assert first.external_id.startswith("sha256:")


def test_the_thread_is_told_oldest_first() -> None:
    found = mail("From: a@b.example\nIn-Reply-To: your mail of Monday <2@x> \nReferences: <0@x>\n <1@x>\n\t<2@x>")
    assert found.in_reply_to == "2@x"
    assert found.references == ("0@x", "1@x", "2@x")


@pytest.mark.parametrize(
    "value",
    [
        "Tue, 5 Mar 2024 10:15:00 +0800",
        "5 Mar 2024 10:15 +0800",
        "Tue, 05 Mar 24 10:15:00 +0800 (CST)",
        "Tue Mar  5 02:15:00 2024",
        "2024-03-05T10:15:00+08:00",
        "2024-03-05 02:15:00",
        "Tue,  5 Mar 2024 02:15:00 GMT",
        "Mon, 04 Mar 2024 21:15:00 EST",
    ],
)
def test_dates_are_read_as_they_are_written(value: str) -> None:
    assert mail(f"From: a@b.example\nDate: {value}").date == datetime(2024, 3, 5, 2, 15, tzinfo=UTC)


@pytest.mark.parametrize("value", ["", "yesterday", "99 Mar 2024 10:15:00", "Tue, 5 Mar 2024 99:99:99 +0000"])
def test_what_is_no_date_is_none(value: str) -> None:
    assert mail(f"From: a@b.example\nDate: {value}").date is None


def test_when_each_server_had_it_is_told_ours_first() -> None:
    found = mail(
        "From: a@b.example\nReceived: from b by us; Tue, 5 Mar 2024 02:17:00 +0000\n"
        "Received: from a by b with ESMTP id 1 (TLS; v1.3)\n for <x@y>; Tue, 5 Mar 2024 02:16:00 +0000"
    )
    assert [at.minute for at in found.received] == [17, 16]


def test_headers_go_on_behind_a_line_that_lost_its_indentation() -> None:
    found = mail("Subject: a long\nsubject about a kettle\nFrom: a@b.example\nTo: c@d.example")
    assert found.subject == "a long subject about a kettle"
    assert found.from_.address == "a@b.example"
    assert found.text == "hello"


def test_a_text_that_follows_without_an_empty_line_is_the_text() -> None:
    found = parse(b"From: a@b.example\nSubject: x\nGood morning, the kettle leaks.\nRegards")
    assert found.text == "Good morning, the kettle leaks.\nRegards"


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r", b"\r\r\n"])
@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf", b"\n\n", b"From mei@example.org Tue Mar  5 02:15:00 2024\n"])
def test_line_ends_and_what_mailboxes_put_before_a_mail_change_nothing(ending: bytes, before: bytes) -> None:
    raw = before + b"From: a@b.example\nSubject: a\n b\n\none\ntwo\n"
    found = parse(raw.replace(b"\n", ending))
    assert (found.from_.address, found.subject, found.text) == ("a@b.example", "a b", "one\ntwo")


def test_nothing_that_a_database_cannot_hold_comes_out_of_headers() -> None:
    found = mail(b"From: a\0b@c.example\nSubject: =?utf-8?B?AGEA?= \xed\xa0\x80x\nMessage-ID: <a\0b@c>")
    for text in (found.subject, found.from_.address, found.external_id):
        assert "\0" not in text
        text.encode()
