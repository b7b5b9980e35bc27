"""Characters: what is declared is believed where it can be true; where it cannot be, what was written is found."""

from __future__ import annotations

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from channels.mail.charsets import codec, read
from channels.mail.message import ParsedMail, parse

SIMPLIFIED = "您好，我上周在你们店里买的电热水壶今天突然不能加热了，请问可以退货吗？订单号是 12345。"
TRADITIONAL = "您好，我上週在你們店裡買的電熱水壺今天突然不能加熱了，請問可以退貨嗎？訂單號是 12345。"
JAPANESE = "お世話になっております。先週購入した電気ケトルが動かなくなりました。返品をお願いできますか。"
KOREAN = "안녕하세요. 지난주에 구입한 전기 주전자가 오늘 갑자기 작동하지 않습니다. 환불이 가능할까요?"
RUSSIAN = "Здравствуйте! На прошлой неделе я купил у вас чайник, и сегодня он перестал работать."
GERMAN = "Guten Tag, der Wasserkocher läßt sich nicht mehr einschalten. Grüße aus München"
POLISH = "Dzień dobry, czajnik, który kupiłem w zeszłym tygodniu, przestał działać. Proszę o zwrot pieniędzy."


def mail(text: bytes, declared: str | None) -> ParsedMail:
    kind = "Content-Type: text/plain" + (f"; charset={declared}" if declared else "")
    return parse(b"From: a@b.example\nSubject: x\n" + kind.encode() + b"\nContent-Transfer-Encoding: 8bit\n\n" + text)


@pytest.mark.parametrize(
    ("text", "encoding", "declared"),
    [
        (SIMPLIFIED, "gb2312", "gb2312"),
        (SIMPLIFIED + "镕喆", "gbk", "GB2312"),
        (SIMPLIFIED + "𠮷", "gb18030", "gbk"),
        (SIMPLIFIED, "hz", "hz-gb-2312"),
        (TRADITIONAL, "big5", "big5"),
        (TRADITIONAL + "嘅咗", "big5hkscs", "big5"),
        (TRADITIONAL, "cp950", "x-x-big5"),
        (JAPANESE, "iso2022_jp", "ISO-2022-JP"),
        (JAPANESE + "①㈱", "cp932", "shift_jis"),
        (JAPANESE, "euc_jp", "x-euc-jp"),
        (KOREAN, "euc_kr", "ks_c_5601-1987"),
        (KOREAN + "똠방각하", "cp949", "euc-kr"),
        (KOREAN, "iso2022_kr", "iso-2022-kr"),
        (RUSSIAN, "koi8_r", "koi8-r"),
        (RUSSIAN, "cp1251", '"windows-1251"'),
        (GERMAN + " – €", "cp1252", "iso-8859-1"),
        (GERMAN, "mac_roman", "x-mac-roman"),
        (GERMAN, "utf-7", "utf-7"),
        (SIMPLIFIED, "utf-8", "utf8mb4"),
        (SIMPLIFIED, "utf-8", "utf-8; format=flowed"),
        (GERMAN, "utf-16", "utf-16"),
    ],
)
def test_what_is_declared_is_read_as_the_largest_of_its_family(text: str, encoding: str, declared: str) -> None:
    found = mail(text.encode(encoding), declared)
    assert found.text == text
    assert not found.charset_repaired


@pytest.mark.parametrize(
    ("text", "encoding", "declared"),
    [
        (SIMPLIFIED, "utf-8", "big5"),
        (SIMPLIFIED, "utf-8", "gb2312"),
        (SIMPLIFIED, "utf-8", "iso-8859-1"),
        (GERMAN, "utf-8", "iso-8859-1"),
        (RUSSIAN, "utf-8", "windows-1251"),
        (SIMPLIFIED, "gb18030", "utf-8"),
        (SIMPLIFIED, "gb18030", "iso-8859-1"),
        (RUSSIAN, "cp1251", "iso-8859-1"),
        (GERMAN, "cp1252", "utf-8"),
        (TRADITIONAL, "big5", "us-ascii"),
        (SIMPLIFIED, "gb18030", "unknown-8bit"),
        (KOREAN, "cp949", "no-such-set"),
        (SIMPLIFIED, "utf-8", None),
        (SIMPLIFIED, "gb18030", None),
        (TRADITIONAL, "big5", None),
        (JAPANESE, "shift_jis", None),
        (JAPANESE, "euc_jp", None),
        (KOREAN, "cp949", None),
        (RUSSIAN, "cp1251", None),
        (RUSSIAN, "koi8_r", None),
        (GERMAN, "cp1252", None),
        (JAPANESE, "iso2022_jp", None),
        (JAPANESE, "iso2022_jp", "utf-8"),
    ],
)
def test_what_is_declared_wrongly_or_not_at_all_is_found(text: str, encoding: str, declared: str | None) -> None:
    found = mail(text.encode(encoding), declared)
    assert found.text == text
    assert found.charset_repaired or encoding == "iso2022_jp"


def test_one_broken_character_does_not_change_how_the_others_are_read() -> None:
    content = SIMPLIFIED.encode("utf-8")
    found = mail(content[:4] + content[5:], "utf-8").text
    assert found.endswith(SIMPLIFIED[2:])
    assert "\ufffd" in found


def test_a_chinese_mail_with_characters_of_both_kinds_is_read() -> None:
    mixed = SIMPLIFIED + TRADITIONAL
    assert mail(mixed.encode("gbk"), "gb2312").text == mixed


def test_japanese_mail_with_the_vendors_characters_is_read() -> None:
    """Windows writes ① and ㈱ under the name of ISO-2022-JP, which has neither; and half-width katakana."""
    content = b"\x1b$B-!-j\x1b(B \x1b(I6@E\x1b(B ok"
    assert mail(content, "iso-2022-jp").text == "①㈱ ｶﾀﾅ ok"


def test_html_says_its_character_set_itself_where_the_header_does_not() -> None:
    page = f'<html><head><meta charset="gbk"></head><body><p>{SIMPLIFIED}</p></body></html>'
    raw = b"From: a@b.example\nContent-Type: text/html\n\n" + page.encode("gbk")
    assert parse(raw).text == SIMPLIFIED


def test_a_part_without_declaration_is_read_in_the_set_of_the_subject() -> None:
    raw = b"From: a@b.example\nSubject: =?gb2312?B?wtI=?=\n\n" + "水壶坏了".encode("gb2312")
    assert parse(raw).text == "水壶坏了"


def test_polish_in_its_own_set_stays_polish() -> None:
    assert mail(POLISH.encode("iso8859_2"), "iso-8859-2").text == POLISH


@pytest.mark.parametrize("name", ["base64", "rot13", "zlib", "idna", "punycode", "unicode_escape", "undefined", "mbcs"])
def test_what_python_calls_a_codec_and_is_no_character_set_is_not_used(name: str) -> None:
    assert codec(name) is None
    assert read(b"\\x41 YWJj", name).text == "\\x41 YWJj"


@examples(
    st.binary(max_size=300), st.text(max_size=20) | st.sampled_from(["utf-8", "gbk", "iso-2022-jp", "utf-7", "hz"])
)
def test_any_bytes_under_any_name_are_some_text(content: bytes, declared: str) -> None:
    read(content, declared).text.encode("utf-8", "surrogatepass")


@examples(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\ufeff\x1b"), max_size=200))
def test_utf8_is_always_read_as_itself(text: str) -> None:
    assert read(text.encode(), "utf-8").text == text
    assert read(text.encode(), None).text == text
