"""What a mail says: its text, whatever it is wrapped in, at a price that its size sets."""

from __future__ import annotations

import base64
import contextlib
import time

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from channels.mail.html import text_of
from channels.mail.message import Limits, ParsedMail, TooLarge, Unreadable, parse

SENDER = b"From: Mei <mei@example.org>\nSubject: kettle\n"


def mail(content_type: str, body: str) -> ParsedMail:
    return parse(SENDER + f"Content-Type: {content_type}\n\n{body}".encode())


def alternative(plain: str, rich: str) -> ParsedMail:
    return mail(
        "multipart/alternative; boundary=xx",
        f"--xx\nContent-Type: text/plain\n\n{plain}\n--xx\nContent-Type: text/html\n\n{rich}\n--xx--\n",
    )


def test_the_plain_text_is_what_a_reader_sees() -> None:
    found = alternative("The kettle leaks.", "<p>The kettle <b>leaks</b>.</p>")
    assert (found.text, found.text_is_from_html) == ("The kettle leaks.", False)
    assert found.html == "<p>The kettle <b>leaks</b>.</p>"


@pytest.mark.parametrize(
    "plain",
    [
        "",
        "  \n \n",
        "This is an HTML mail. Please use a client that can show HTML.",
        "Your email client cannot read this email. To view it online, use your browser.",
        "您的邮件客户端不支持HTML格式，请用浏览器查看",
        "<html><body><p>The kettle leaks at its bottom since Monday.</p></body></html>",
    ],
)
def test_a_plain_text_that_says_nothing_gives_way_to_the_html(plain: str) -> None:
    rich = "<p>" + "The kettle leaks at its bottom since Monday, and I want my money back. " * 3 + "</p>"
    found = alternative(plain, rich)
    assert found.text.startswith("The kettle leaks at its bottom since Monday, and")
    assert found.text_is_from_html


def test_what_an_alternative_says_again_to_programs_is_no_file() -> None:
    found = mail(
        "multipart/alternative; boundary=xx",
        "--xx\n\nthe text\n--xx\nContent-Type: text/x-amp-html\n\n<html amp4email>\n--xx--\n",
    )
    assert (found.text, found.attachments) == ("the text", ())


def test_texts_around_a_file_are_all_read() -> None:
    found = mail(
        "multipart/mixed; boundary=xx",
        "--xx\n\nbefore\n--xx\nContent-Type: image/png\n\nP\n--xx\nContent-Type: text/html\n\n<p>after</p>\n--xx--\n",
    )
    assert found.text == "before\nafter"


@pytest.mark.parametrize(
    "body",
    [
        "preamble\n--xx\n\nthe text\n--xx--\nepilogue",
        "--xx\n\nthe text\n--xx\n\n",
        "--xx\n\nthe text",
        "--xx \t\r\n\r\nthe text\r\n--xx--",
        "--xx\nContent-Type: multipart/mixed; boundary=yy\n\n--yy\n\nthe text\n--xx--\n",
    ],
)
def test_parts_are_found_between_boundaries_that_are_there_or_missing(body: str) -> None:
    assert mail('multipart/mixed; boundary="xx"', body).text == "the text"


@pytest.mark.parametrize("content_type", ["multipart/mixed", 'multipart/mixed; boundary="other"'])
def test_a_mail_whose_boundary_is_wrong_loses_no_text(content_type: str) -> None:
    assert "the text" in mail(content_type, "--xx\n\nthe text\n--xx--\n").text


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("base64", base64.encodebytes(b"the text is here")),
        ("BASE64;", base64.encodebytes(b"the text is here")),
        ("base64", b"dGhlIHRleHQgaXMgaGVyZQ"),
        ("base64", b"dGhlIHRl*eHQgaXM#gaGVyZQ=="),
        ("base64", b"dGhlIHRleHQ=\nIGlzIGhlcmU=\n"),
        ("base64", b"dGhlIHRleHQgaXMgaGVyZQ==\n\n-- \nThe list's footer, which is not encoded."),
        ("base64", b"the text is here"),
        ("quoted-printable", b"the=20text=\n is h=65re"),
        ("Quoted-Printable", b"the text is h=65re="),
        ("7bit", b"the text is here"),
        ("8-bit", b"the text is here"),
        ("x-nonsense", b"the text is here"),
        ("x-uuencode", b"begin 644 x\n0=&AE('1E>'0@:7,@:&5R90\n`\nend\n"),
    ],
)
def test_the_text_is_found_behind_its_transfer_encoding(encoding: str, body: bytes) -> None:
    assert parse(SENDER + f"Content-Transfer-Encoding: {encoding}\n\n".encode() + body).text == "the text is here"


def test_lines_that_flow_are_joined_and_quotes_keep_theirs() -> None:
    found = mail(
        "text/plain; format=flowed",
        "A long \nline.\n> quoted \n> text\n>> deeper \n>> still\n-- \nMei \nLi\n From here\n",
    )
    assert found.text == "A long line.\n> quoted \n> text\n>> deeper \n>> still\n-- \nMei Li\nFrom here"


def test_lines_that_flow_without_their_spaces_are_joined_so() -> None:
    assert mail("text/plain; format=flowed; delsp=yes", "水壶 \n坏了").text == "水壶坏了"


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<p>one</p><p>two</p>", "one\n\ntwo"),
        ("<div>one</div><div>two</div>", "one\ntwo"),
        ("<div>one</div><div><br></div><div>two</div>", "one\n\ntwo"),
        ("<p class=MsoNormal>one</p><p class=MsoNormal>two</p>", "one\ntwo"),
        ("one<br>two<br/>\n  three  <b>f</b>our", "one\ntwo\nthree four"),
        ("a&nbsp;&amp;&lt;b&gt;", "a &<b>"),
        ("<ul><li>a<li>b<ol start=3><li>x<li>y</ol></ul>", "- a\n- b\n  3. x\n  4. y"),
        ("<table><tr><td>Order</td><td>12</td></tr><tr><td>Von:</td><td>Mei</td></tr></table>", "Order | 12\nVon: Mei"),
        ('see <a href="https://shop.example/o?id=1">your order</a>', "see your order <https://shop.example/o?id=1>"),
        ('<a href="https://shop.example/">shop.example</a>', "shop.example"),
        ('<a href="mailto:mei@example.org">mei@example.org</a>', "mei@example.org"),
        ('<a href="javascript:alert(1)">press</a>', "press"),
        ('<img src="x.png" alt="A broken lid">', "[A broken lid]"),
        ('<img src="https://t.example/p.gif" width="1" height="1" alt="tracked">text', "text"),
        ("<pre>  a\n    b</pre>", "  a\n    b"),
        ('<div style="white-space:pre-wrap">a\nb</div>', "a\nb"),
        ("<title>t</title><style>p{}</style><script>alert('x')</script>text<!-- hidden -->", "text"),
        ('<div style="display:none">preheader</div><span hidden>x</span>text', "text"),
        ('<span style="font-size:0">zero</span><i style="visibility: hidden">no</i>text', "text"),
        ("pre\u00advi\u200bew", "preview"),
        ("<blockquote>said<blockquote>before</blockquote></blockquote>now", "> said\n>\n> > before\n\nnow"),
        ('<blockquote style="margin:0 0 0 40px;border:none;padding:0">indented</blockquote>', "indented"),
        ('<p>hi</p><div class="gmail_signature">Mei<br>Shop</div>', "hi\n\n-- \nMei\nShop"),
        ('<p>hi</p><div class="moz-signature">-- <br>Mei</div>', "hi\n\n-- \nMei"),
        ("<p>unclosed <b>and <i>crossed</b> tags</i>", "unclosed and crossed tags"),
        ("<unknown>kept</unknown> < and > too", "kept < and > too"),
    ],
)
def test_html_becomes_what_a_reader_sees(source: str, text: str) -> None:
    assert text_of(source) == text


def test_what_gmail_quotes_is_marked_below_its_line() -> None:
    source = (
        '<div dir="ltr">Thanks!</div><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">On Mon, Mei &lt;'
        '<a href="mailto:m@x.example">m@x.example</a>&gt; wrote:<br></div>'
        '<blockquote class="gmail_quote" style="border-left:1px solid #ccc">Hello<br>there</blockquote></div>'
    )
    assert text_of(source) == "Thanks!\n\nOn Mon, Mei <m@x.example> wrote:\n\n> Hello\n> there"


def test_what_outlook_answers_stands_below_a_line() -> None:
    source = (
        "<p class=MsoNormal>Thanks!</p><div><div style='border:none;border-top:solid #E1E1E1 1.0pt'>"
        "<p class=MsoNormal><b>From:</b> Mei<br><b>Sent:</b> Monday<br></p></div></div><p class=MsoNormal>Hello</p>"
    )
    assert text_of(source) == "Thanks!\n" + "_" * 32 + "\nFrom: Mei\nSent: Monday\nHello"


@pytest.mark.parametrize(
    "raw", [b"", b"\n\n", b"   ", b"\0\0\0\0", bytes(range(256)) * 20, b"\x7fELF\x02\x01" + b"\0" * 500]
)
def test_what_is_no_mail_is_said_to_be_none(raw: bytes) -> None:
    with pytest.raises(Unreadable):
        parse(raw)


def test_a_text_alone_is_a_mail_from_nobody() -> None:
    found = parse("我的水壶坏了\n".encode())
    assert (found.from_.address, found.text) == ("", "我的水壶坏了")


def nested(depth: int) -> bytes:
    inner = b"".join(b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (n, n) for n in range(depth))
    return SENDER + inner + b"\nthe text\n"


def test_a_mail_nested_within_the_limit_is_read_and_one_beyond_is_kept_closed() -> None:
    assert parse(nested(99)).text == "the text"
    assert "the text" in parse(nested(5000)).text
    assert max(part.depth for part in parse(nested(5000)).structure.walk()) == Limits().depth


@pytest.mark.parametrize(
    ("raw", "limits", "name"),
    [
        (SENDER + b"\n" + b"x" * 2000, Limits(bytes=2000), "bytes"),
        (SENDER + b"X-A: b\n" * 50 + b"\nx", Limits(headers=50), "headers"),
        (SENDER + b"X-A: " + b"b" * 5000 + b"\n\nx", Limits(header_bytes=5000), "header_bytes"),
        (SENDER + b"Content-Type: multipart/mixed; boundary=x\n\n" + b"--x\n\na\n" * 20, Limits(parts=20), "parts"),
    ],
)
def test_beyond_a_limit_a_mail_is_refused_and_the_limit_is_named(raw: bytes, limits: Limits, name: str) -> None:
    with pytest.raises(TooLarge) as refused:
        parse(raw, limits)
    assert refused.value.limit == name
    parse(raw, Limits())


MEGABYTE = 1024 * 1024
OPEN_FORMATTING = b"".join(b"<b x=%d>" % number for number in range(3000))
BOMBS = {
    "nested mails": SENDER + b"Content-Type: message/rfc822\n\n" * 20_000 + b"Subject: x\n\nx",
    "boundaries": SENDER + b"Content-Type: multipart/mixed; boundary=x\n\n" + b"--y\n" * MEGABYTE,
    "addresses": b"To: " + b"a@b.example, " * 30_000 + b"\n\nx",
    "at signs": b"To: " + b"@" * 300_000 + b"\n\nx",
    "words before an at sign": b"To: " + b"a " * 150_000 + b"@\n\nx",
    "colons": b"To: a@b" + b":" * 300_000 + b"\n\nx",
    "brackets": b"To: " + b"(" * 150_000 + b"<" * 150_000 + b"\n\nx",
    "encoded words": b"Subject: " + b"=?utf-8?q?a?= " * 60_000 + b"\n\nx",
    "half words": b"Subject: " + b"=?" * 150_000 + b"\n\nx",
    "spaces": b"Subject: x" + b" " * 300_000 + b"y\nReferences: <" + b" " * 100_000 + b"\n\nx",
    "carriage returns": b"Subject: x" + b"\r" * 300_000 + b"y\n\n" + b"\r" * MEGABYTE + b"x\n",
    "parameters": b"Content-Type: text/plain" + b";a*1*=x" * 100_000 + b"\n\nx",
    "semicolons": b"Content-Type: text/plain" + b"; " * 150_000 + b"\n\nx",
    "lines without indentation": b"Subject: a\n" + (b"j\n" * 4000 + b"X-A: b\n") * 100 + b"\nx",
    "bad base64": SENDER + b"Content-Transfer-Encoding: base64\n\n" + b"Q!JD" * 2 * MEGABYTE,
    "open tags": SENDER + b"Content-Type: text/html\n\n" + b"<div>" * 70_000 + b"x",
    "open formatting": SENDER + b"Content-Type: text/html\n\n" + OPEN_FORMATTING + b"<p>y" * 33_000,
    "open comments": SENDER + b"Content-Type: text/html\n\n" + b"<!--" * 100_000 + b"<script" * 50_000,
    "links": SENDER + b"Content-Type: text/html\n\n" + b'<a href="http://x.example/z">y</a>' * 10_000,
    "quotes": SENDER + b"Content-Type: text/html\n\n" + b"<blockquote>" * 3000 + b"<p>x" * 20_000,
    "uuencoded beginnings": SENDER + b"\n" + b"begin 644 a\n" * 100_000 + b"\nend",
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_costs_no_more_than_its_size(name: str) -> None:
    started = time.process_time()
    with contextlib.suppress(TooLarge):
        parse(BOMBS[name])
    assert time.process_time() - started < 4, "seconds for a megabyte or a few"


mime = st.lists(
    st.sampled_from(
        [
            b"From: a@b.example\n", b"Subject: =?utf-8?B?", b"?=", b"Content-Type: multipart/mixed; boundary=a\n",
            b"\n", b"\r\n", b"--a\n", b"--a--\n", b"Content-Type: message/rfc822\n",
            b"Content-Type: text/html; charset=gbk\n", b"Content-Transfer-Encoding: base64\n",
            b"Content-Disposition: attachment; filename*0*=x'y'%E4\n", b"<div><a href=", b"</div>", b"\xe4\xbd",
            b"\xff\xfe", b"\x1b$B", b"\0", b"begin 644 x\n", b"end\n", b'"', b"<", b">", b";", b"=", b" ",
            b"Content-Type: application/ms-tnef\n", b"\x78\x9f\x3e\x22", b"Date: Tue, 5 Mar 2024\n", b"text",
        ]
    )
    | st.binary(max_size=20),
    max_size=40,
).map(b"".join)  # fmt: skip


@examples(mime)
def test_any_bytes_are_a_mail_or_said_to_be_none(raw: bytes) -> None:
    try:
        found = parse(raw)
    except (Unreadable, TooLarge):
        return
    for text in (found.text, found.subject, found.external_id, found.from_.name, found.from_.address):
        assert "\0" not in text
        text.encode()
    for part in found.root.walk():
        part.get_payload(decode=True)


@examples(st.text(alphabet="<>/abdivp =\"'&;!-x\n", max_size=200))
def test_any_html_is_some_text(source: str) -> None:
    text_of(source).encode()


def test_words_with_a_colon_and_an_empty_line_are_words() -> None:
    assert parse(b"Hey:)\n\nwhere is my order?").text == "Hey:)\n\nwhere is my order?"
    assert parse(b"X-Shop: tea\n\nwhere is my order?").text == "where is my order?"
