"""What comes with a mail: files, pictures in the text, mails in mails, and what programs pack away."""

from __future__ import annotations

import base64
import struct
from hashlib import sha256

import pytest

from channels.mail.message import Limits, ParsedMail, TooLarge, parse

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(64))


def mail(content_type: str, body: str, *, headers: str = "") -> ParsedMail:
    return parse(
        f"From: Mei <mei@example.org>\nSubject: files\n{headers}Content-Type: {content_type}\n\n{body}".encode()
    )


def encoded(content: bytes) -> str:
    return base64.encodebytes(content).decode()


def mixed(*parts: str) -> ParsedMail:
    return mail("multipart/mixed; boundary=xx", "".join(f"--xx\n{part}\n" for part in parts) + "--xx--\n")


def named(disposition: str, content_type: str = "image/png") -> str:
    """The name under which a file arrives that the sender named in this way."""
    part = f"Content-Type: {content_type}\nContent-Disposition: {disposition}\n"
    found = mixed("\nhello", f"{part}Content-Transfer-Encoding: base64\n\n{encoded(PICTURE)}")
    return found.attachments[0].name


def test_a_file_arrives_whole_with_its_hash() -> None:
    found = mixed(
        "\nThe photo is below.",
        f'Content-Type: image/png; name="photo.png"\nContent-Transfer-Encoding: base64\n\n{encoded(PICTURE)}',
    )
    (photo,) = found.attachments
    assert (photo.name, photo.content_type, photo.content) == ("photo.png", "image/png", PICTURE)
    assert (photo.size, photo.sha256) == (len(PICTURE), sha256(PICTURE).hexdigest())
    assert not photo.inline
    assert found.text == "The photo is below."


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ("attachment; filename*=UTF-8''%E5%8F%91%E7%A5%A8.png", "发票.png"),
        ("attachment; filename*0*=gb2312''%B7%A2; filename*1*=%C6%B1.png", "发票.png"),
        ('attachment; filename="=?UTF-8?B?5Y+R56WoLnBuZw==?="', "发票.png"),
        ("attachment; filename==?UTF-8?B?5Y+R56WoLnBuZw==?=", "发票.png"),
        ("attachment; filename=发票 2024.png", "发票 2024.png"),
        ("attachment; filename=\"plain.png\"; filename*=UTF-8''better.png", "better.png"),
        ('attachment; filename="a \\"quoted\\" name.png"', 'a "quoted" name.png'),
        ("attachment filename=noseparator.png", "noseparator.png"),
    ],
)
def test_a_files_name_is_read_however_it_is_written(disposition: str, name: str) -> None:
    assert named(disposition) == name


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('attachment; filename="../../etc/passwd"', "passwd"),
        ('attachment; filename="C:\\Users\\mei\\bill.png"', "bill.png"),
        ("attachment; filename*=UTF-8''invoice%E2%80%AEgnp.exe", "invoicegnp.exe"),
        ("attachment; filename*=UTF-8''a%0D%0Ab%00.png", "ab.png"),
        ('attachment; filename=".."', "attachment-1.png"),
        ('attachment; filename=""', "attachment-1.png"),
    ],
)
def test_a_files_name_does_no_harm_where_it_is_shown_or_stored(disposition: str, name: str) -> None:
    assert named(disposition) == name


def test_a_long_name_keeps_its_ending() -> None:
    name = named(f'attachment; filename="{"x" * 500}.png"')
    assert name.endswith("x.png")
    assert len(name) <= 180


def test_a_picture_in_the_text_is_told_from_a_file() -> None:
    picture = f"Content-Type: image/png\nContent-Transfer-Encoding: base64\n\n{encoded(PICTURE)}"
    found = mail(
        "multipart/related; boundary=xx",
        f'--xx\nContent-Type: text/html\n\n<p>See <img src="cid:one@x" alt="the kettle"></p>\n'
        f"--xx\nContent-ID: <one@x>\n{picture}--xx\nContent-Disposition: attachment\n{picture}--xx--\n",
    )
    assert [each.inline for each in found.attachments] == [True, False]
    assert found.text == "See [the kettle]"


def test_a_forwarded_mail_is_a_file_and_its_words_are_not_the_senders() -> None:
    found = mixed("\nFYI", "Content-Type: message/rfc822\n\nFrom: a@b.example\nSubject: Old kettle\n\nIt is broken.\n")
    assert found.text == "FYI"
    (carried,) = found.attachments
    assert carried.name == "Old kettle.eml"
    assert parse(carried.content).text == "It is broken."


def test_an_invitation_is_kept_apart() -> None:
    found = mail(
        "multipart/alternative; boundary=xx",
        "--xx\n\nMeeting at ten\n"
        "--xx\nContent-Type: text/calendar; method=REQUEST\n\nBEGIN:VCALENDAR\nEND:VCALENDAR\n--xx--\n",
    )
    assert found.text == "Meeting at ten"
    assert found.calendar is not None
    assert found.calendar.startswith("BEGIN:VCALENDAR")


def test_a_file_within_the_text_is_taken_out_of_it() -> None:
    found = parse(b"From: a@b.example\n\nhere it is\nbegin 644 cat.txt\n#0V%T\n`\nend\nbye\n")
    assert found.text.split() == ["here", "it", "is", "bye"]
    assert [(each.name, each.content) for each in found.attachments] == [("cat.txt", b"Cat")]


def test_a_sentence_that_begins_with_begin_is_no_file() -> None:
    text = "begin 644 times anew\nand then\nend\n"
    assert parse(f"From: a@b.example\n\n{text}".encode()).text == text.strip()


def attribute(level: int, number: int, content: bytes) -> bytes:
    return struct.pack("<BHHI", level, number, 6, len(content)) + content + struct.pack("<H", sum(content) & 0xFFFF)


def unicode_property(number: int, text: str) -> bytes:
    value = text.encode("utf-16-le") + b"\0\0"
    return struct.pack("<HHII", 0x1F, number, 1, len(value)) + value + b"\0" * (-len(value) % 4)


def winmail() -> bytes:
    message = struct.pack("<I", 1) + unicode_property(0x1000, "Das Angebot liegt bei.")
    file = struct.pack("<I", 1) + unicode_property(0x3707, "Angebot März.pdf")
    return (
        b"\x78\x9f\x3e\x22\x01\x00"
        + attribute(1, 0x9003, message)
        + attribute(2, 0x9002, b"\0" * 14)
        + attribute(2, 0x8010, b"ANGEBO~1.PDF\0")
        + attribute(2, 0x800F, b"%PDF-1.4 content")
        + attribute(2, 0x9005, file)
    )


def test_what_outlook_packs_into_winmail_dat_is_unpacked() -> None:
    found = mixed(
        "Content-Type: text/plain\n\n",
        'Content-Type: application/ms-tnef; name="winmail.dat"\n'
        f"Content-Transfer-Encoding: base64\n\n{encoded(winmail())}",
    )
    assert found.text == "Das Angebot liegt bei."
    (offer,) = found.attachments
    assert (offer.name, offer.content_type, offer.content) == (
        "Angebot März.pdf",
        "application/pdf",
        b"%PDF-1.4 content",
    )


@pytest.mark.parametrize("length", range(0, len(winmail()), 7))
def test_a_winmail_dat_that_is_cut_off_gives_what_is_left(length: int) -> None:
    content = winmail()[:length]
    found = mixed(
        "\nhello", f"Content-Type: application/ms-tnef\nContent-Transfer-Encoding: base64\n\n{encoded(content)}"
    )
    assert found.text == "hello"


def test_a_winmail_dat_in_which_nothing_can_be_found_is_kept_as_it_is() -> None:
    content = winmail()[:12]
    found = mixed(
        "\nhello",
        'Content-Type: application/ms-tnef; name="winmail.dat"\n'
        f"Content-Transfer-Encoding: base64\n\n{encoded(content)}",
    )
    assert [(each.name, each.content) for each in found.attachments] == [("winmail.dat", content)]


def test_files_beyond_the_limit_are_refused_and_the_limit_is_named() -> None:
    raw = f"From: a@b.example\nContent-Type: image/png\nContent-Transfer-Encoding: base64\n\n{encoded(PICTURE * 20)}"
    with pytest.raises(TooLarge) as refused:
        parse(raw.encode(), Limits(attachments=1000))
    assert refused.value.limit == "attachments"
    assert parse(raw.encode(), Limits(attachments=2000)).attachments[0].size == len(PICTURE) * 20
