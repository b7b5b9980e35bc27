"""Handing mails over: to a server that errs in every way it can, and to a real Postfix."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from channels.envelope import OutboundMessage, SendError, SendErrorCode
from channels.mail.composing import Composer, Mail, Sender
from channels.mail.settings import InsecureSubmission, Security, SubmissionSettings
from channels.mail.submission import Submission
from tests.channels.certificates import certificate
from tests.channels.postfix import Postfix
from tests.channels.smtp_server import HANG_UP, SILENCE, SmtpServer
from tests.waiting import until

NOW = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
COMPOSER = Composer(Sender(address="support@shop.example", name="好店"), secret=b"k" * 32)


def _mail(number: int = 1, *, address: str | None = None, text: str = "您好！\n.\n..再见") -> Mail:
    to = address or f"c{number}@example.org"
    message = OutboundMessage(channel="mail", address=f"mailto:{to}", text=text, key=f"d{number}", language="zh-Hans")
    return COMPOSER.compose(message, at=NOW)


def _submission(server: SmtpServer, **changes: object) -> Submission:
    settings = {
        "host": "127.0.0.1",
        "port": server.port,
        "security": Security.PLAIN,
        "connections": 1,
        "timeout": 25.0,
    }
    return Submission(SubmissionSettings(**{**settings, **changes}))  # pyright: ignore[reportArgumentType]


async def _refused(submission: Submission, mail: Mail | None = None) -> SendError:
    with pytest.raises(SendError) as raised:
        await submission.submit(mail or _mail())
    return raised.value


async def test_a_mail_arrives_as_it_was_written() -> None:
    async with SmtpServer().running() as server:
        submission = _submission(server)
        mail = _mail()
        await submission.submit(mail)
        await submission.stop()
    [taken] = server.taken
    assert (taken.sender, taken.recipient) == ("support@shop.example", "c1@example.org")
    assert taken.content == mail.content
    assert f"SIZE={len(mail.content)}" in taken.parameters


async def test_many_mails_share_a_few_connections_and_cost_one_round_trip_each() -> None:
    async with SmtpServer().running() as server:
        submission = _submission(server, connections=2)
        await asyncio.gather(*(submission.submit(_mail(number)) for number in range(100)))
        await submission.stop()
    assert sorted(taken.recipient for taken in server.taken) == sorted(
        f"c{number}@example.org" for number in range(100)
    )
    assert server.connections == 2
    assert "RSET" not in server.said


async def test_a_server_without_pipelining_is_spoken_to_line_by_line() -> None:
    async with SmtpServer(extensions=("SIZE",)).running() as server:
        server.always["RCPT nobody@example.org"] = "550 5.1.1 no such user"
        submission = _submission(server)
        await submission.submit(_mail(1))
        assert (await _refused(submission, _mail(2, address="nobody@example.org"))).code is SendErrorCode.BAD_ADDRESS
        await submission.submit(_mail(3))
        await submission.stop()
    assert [taken.recipient for taken in server.taken] == ["c1@example.org", "c3@example.org"]
    assert server.said.count("DATA") == 2


async def test_a_server_of_the_old_kind_gets_helo() -> None:
    async with SmtpServer().running() as server:
        server.then("EHLO", "502 5.5.1 not implemented")
        submission = _submission(server)
        await submission.submit(_mail())
        await submission.stop()
    assert server.said[:2] == ["EHLO localhost", "HELO localhost"]


async def test_a_refused_recipient_does_not_disturb_the_mails_around() -> None:
    async with SmtpServer().running() as server:
        server.always["RCPT nobody@example.org"] = "550 5.1.1 no such user"
        submission = _submission(server)
        mails = [_mail(number, address="nobody@example.org" if number % 3 == 1 else None) for number in range(30)]
        answers = await asyncio.gather(*(submission.submit(mail) for mail in mails), return_exceptions=True)
        await submission.stop()
    for mail, answer in zip(mails, answers, strict=True):
        assert (answer is None) == (mail.recipient != "nobody@example.org")
    assert len(server.taken) == 20
    assert server.connections == 1


async def test_a_server_that_asks_for_a_mail_to_nobody_gets_none() -> None:
    """RFC 2920, 3.1."""
    async with SmtpServer().running() as server:
        server.always["RCPT nobody@example.org"] = "550 5.1.1 no such user"
        server.always["DATA without recipient"] = "354 go on"
        submission = _submission(server)
        assert (await _refused(submission, _mail(address="nobody@example.org"))).code is SendErrorCode.BAD_ADDRESS
        await submission.submit(_mail(2))
        await submission.stop()
    assert [taken.recipient for taken in server.taken] == ["c2@example.org"]


ANSWERS = [
    # verb, answer, code, whole channel, wait
    ("RCPT", "550 5.1.1 no such user", SendErrorCode.BAD_ADDRESS, False, None),
    ("RCPT", "550 5.1.10 the domain takes no mail", SendErrorCode.BAD_ADDRESS, False, None),
    ("RCPT", "550 No such user here", SendErrorCode.BAD_ADDRESS, False, None),
    ("RCPT", "550 mailbox unavailable", SendErrorCode.REJECTED, False, None),
    ("RCPT", "550 Mailbox not found", SendErrorCode.BAD_ADDRESS, False, None),
    ("RCPT", "550 用户不存在", SendErrorCode.BAD_ADDRESS, False, None),
    ("RCPT", "550 blocked by policy", SendErrorCode.REJECTED, False, None),
    ("RCPT", "550 5.2.1 mailbox disabled", SendErrorCode.REJECTED, False, None),
    ("RCPT", "552 5.2.2 mailbox full", SendErrorCode.RATE_LIMITED, False, 14400),
    ("RCPT", "452 4.2.2 over quota", SendErrorCode.RATE_LIMITED, False, 14400),
    ("RCPT", "552 mailbox is full", SendErrorCode.RATE_LIMITED, False, 14400),
    ("RCPT", "450 4.2.0 Greylisted, try again in 90 seconds", SendErrorCode.RATE_LIMITED, False, 90),
    ("RCPT", "451 4.7.1 Greylisting in action, please come back in 00:04:30", SendErrorCode.RATE_LIMITED, False, 270),
    ("RCPT", "450 4.7.1 Recipient address rejected: Greylisted", SendErrorCode.RATE_LIMITED, False, 300),
    ("RCPT", "450 4.1.1 try later", SendErrorCode.RATE_LIMITED, False, 60),
    ("RCPT", "452 4.3.1 insufficient system storage", SendErrorCode.RATE_LIMITED, True, 60),
    ("RCPT", "554 5.7.1 Relay access denied", SendErrorCode.REJECTED, False, None),
    ("RCPT", "554 Relay access denied", SendErrorCode.UNAUTHORIZED, True, None),
    ("RCPT", "550 5.6.7 no addresses beyond ASCII", SendErrorCode.UNSUPPORTED, False, None),
    ("RCPT", "550 5.4.4 unable to route", SendErrorCode.PROVIDER_ERROR, False, None),
    ("RCPT", "421 4.3.2 shutting down", SendErrorCode.RATE_LIMITED, True, 60),
    ("MAIL", "530 5.7.0 Authentication required", SendErrorCode.UNAUTHORIZED, True, None),
    ("MAIL", "553 5.7.1 Sender address rejected: not owned by user", SendErrorCode.UNAUTHORIZED, True, None),
    ("MAIL", "550 5.1.1 sender unknown", SendErrorCode.UNAUTHORIZED, True, None),
    ("MAIL", "552 5.3.4 message size exceeds limit", SendErrorCode.TOO_LARGE, False, None),
    ("MAIL", "552 too big", SendErrorCode.TOO_LARGE, False, None),
    ("MAIL", "421 4.7.0 try again later", SendErrorCode.RATE_LIMITED, True, 60),
    ("MAIL", "454 Throttling failure: Maximum sending rate exceeded.", SendErrorCode.RATE_LIMITED, True, 60),
    ("MAIL", "432 4.3.2 concurrent connections limit exceeded", SendErrorCode.RATE_LIMITED, True, 60),
    ("CONTENT", "550 5.4.5 Daily user sending limit exceeded", SendErrorCode.RATE_LIMITED, True, 3600),
    ("CONTENT", "554 5.7.1 spam", SendErrorCode.REJECTED, False, None),
    ("CONTENT", "550 user unknown", SendErrorCode.REJECTED, False, None),
    ("CONTENT", "552 5.3.4 too large", SendErrorCode.TOO_LARGE, False, None),
    ("CONTENT", "451 4.7.1 try again later", SendErrorCode.RATE_LIMITED, False, 300),
    ("CONTENT", "421 4.3.0 out of memory", SendErrorCode.RATE_LIMITED, True, 60),
    ("DATA", "451 4.3.0 queue file write error", SendErrorCode.RATE_LIMITED, True, 60),
    ("DATA", "554 5.5.1 no", SendErrorCode.REJECTED, False, None),
]


@pytest.mark.parametrize(
    ("verb", "answer", "code", "whole", "wait"), ANSWERS, ids=[f"{verb} {answer}"[:40] for verb, answer, *_ in ANSWERS]
)
async def test_an_answer_says_whom_it_is_about_and_when_to_try_again(
    verb: str, answer: str, code: SendErrorCode, whole: bool, wait: float | None
) -> None:
    async with SmtpServer().running() as server:
        server.then(verb, answer)
        submission = _submission(server)
        problem = await _refused(submission)
        await submission.submit(_mail(2))
        await submission.stop()
    assert (problem.code, problem.whole_channel, problem.retry_after) == (code, whole, wait)
    assert answer[:3] in problem.detail
    assert [taken.recipient for taken in server.taken] == ["c2@example.org"]


# Lost connections


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
async def test_a_connection_lost_before_the_content_left_is_made_anew(verb: str) -> None:
    async with SmtpServer().running() as server:
        server.then(verb, HANG_UP)
        submission = _submission(server)
        await submission.submit(_mail())
        await submission.stop()
    assert len(server.taken) == 1
    assert server.connections == 2


async def test_a_server_that_always_hangs_up_is_unreachable() -> None:
    async with SmtpServer().running() as server:
        server.always["RCPT"] = HANG_UP
        submission = _submission(server)
        problem = await _refused(submission)
        await submission.stop()
    assert problem.code is SendErrorCode.UNREACHABLE
    assert server.connections == 3


async def test_a_mail_whose_answer_was_lost_is_never_sent_again() -> None:
    async with SmtpServer().running() as server:
        server.then("CONTENT", HANG_UP)
        submission = _submission(server)
        first, second = await asyncio.gather(
            submission.submit(_mail(1)), submission.submit(_mail(2)), return_exceptions=True
        )
        await submission.stop()
    assert isinstance(first, SendError)
    assert first.code is SendErrorCode.NO_ANSWER
    assert second is None
    assert [taken.recipient for taken in server.taken] == ["c2@example.org"]


async def test_silence_after_the_content_is_no_answer_and_before_it_unreachable() -> None:
    async with SmtpServer().running() as server:
        server.then("CONTENT", SILENCE)
        submission = _submission(server, timeout=1.0)
        assert (await _refused(submission)).code is SendErrorCode.NO_ANSWER
        server.always["RCPT"] = SILENCE
        assert (await _refused(submission)).code is SendErrorCode.UNREACHABLE
        await submission.stop()


async def test_a_large_mail_that_breaks_off_in_the_middle_has_not_left() -> None:
    """The end is written last: until then the server cannot have taken it."""
    async with SmtpServer(extensions=("PIPELINING", "SIZE 99999999")).running() as server:
        server.then("MIDDLE", HANG_UP, HANG_UP, HANG_UP)
        submission = _submission(server)
        problem = await _refused(submission, _mail(text="很长的内容。" * 300_000))
        large = _mail(text="很长的内容。" * 20_000)
        await submission.submit(large)
        await submission.stop()
    assert problem.code is SendErrorCode.UNREACHABLE
    assert [taken.content for taken in server.taken] == [large.content]


async def test_a_server_that_limits_mails_per_connection_gets_new_connections() -> None:
    async with SmtpServer(most=3).running() as server:
        submission = _submission(server)
        await asyncio.gather(*(submission.submit(_mail(number)) for number in range(10)))
        await submission.stop()
    assert len(server.taken) == 10
    assert server.connections == 4


async def test_we_end_a_connection_that_has_done_its_part() -> None:
    async with SmtpServer().running() as server:
        submission = _submission(server, mails=4)
        await asyncio.gather(*(submission.submit(_mail(number)) for number in range(10)))
        await submission.stop()
    assert len(server.taken) == 10
    assert server.connections == 3


async def test_a_connection_that_the_server_closed_while_idle_costs_no_mail() -> None:
    async with SmtpServer().running() as server:
        submission = _submission(server)
        await submission.submit(_mail(1))
        server.then("RSET", "421 4.4.2 idle too long")
        server.always["RCPT nobody@example.org"] = "550 5.1.1 no such user"
        assert (await _refused(submission, _mail(2, address="nobody@example.org"))).code is SendErrorCode.BAD_ADDRESS
        await submission.submit(_mail(3))
        await submission.stop()
    assert server.connections == 2


async def test_idle_connections_are_closed() -> None:
    async with SmtpServer().running() as server:
        submission = _submission(server, idle=0.02)
        await submission.submit(_mail(1))
        await until(lambda: "QUIT" in server.said)
        await submission.submit(_mail(2))
        await submission.stop()
    assert server.connections == 2


async def test_nobody_listening_is_unreachable_for_all_who_wait() -> None:
    async with SmtpServer().running() as server:
        submission = _submission(server)
    answers = await asyncio.gather(*(submission.submit(_mail(n)) for n in range(5)), return_exceptions=True)
    assert [answer.code for answer in answers if isinstance(answer, SendError)] == [SendErrorCode.UNREACHABLE] * 5
    await submission.stop()


async def test_a_greeting_that_says_wait_holds_the_whole_channel() -> None:
    async with SmtpServer().running() as server:
        server.always["GREETING"] = "421 4.7.0 too many connections, try again in 2 minutes"
        submission = _submission(server)
        problem = await _refused(submission)
        await submission.stop()
    assert (problem.code, problem.whole_channel, problem.retry_after) == (SendErrorCode.RATE_LIMITED, True, 120)


async def test_a_server_that_wants_one_connection_serves_all_mails_over_it() -> None:
    async with SmtpServer().running() as server:
        submission = _submission(server, connections=4)
        await submission.submit(_mail(0))
        server.always["GREETING"] = "421 4.7.0 too many connections"
        await asyncio.gather(*(submission.submit(_mail(number)) for number in range(1, 40)))
        await submission.stop()
    assert len(server.taken) == 40


async def test_what_is_no_mail_server_is_unreachable() -> None:
    async with SmtpServer().running() as server:
        server.always["GREETING"] = "HTTP/1.1 400 Bad Request\r\n\r\n"
        submission = _submission(server)
        assert (await _refused(submission)).code is SendErrorCode.UNREACHABLE
        await submission.stop()


async def test_stopping_tells_the_truth_about_what_is_on_the_wire() -> None:
    async with SmtpServer().running() as server:
        server.then("CONTENT", SILENCE)
        submission = _submission(server)
        first, second = asyncio.create_task(submission.submit(_mail(1))), None
        await until(lambda: not server.answers["CONTENT"])
        second = asyncio.create_task(submission.submit(_mail(2)))
        await asyncio.sleep(0)
        await submission.stop()
        answers = await asyncio.gather(first, second, return_exceptions=True)
    assert [answer.code for answer in answers if isinstance(answer, SendError)] == [
        SendErrorCode.NO_ANSWER,
        SendErrorCode.UNREACHABLE,
    ]
    assert (await _refused(submission)).code is SendErrorCode.UNREACHABLE


async def test_a_mail_given_up_by_its_sender_is_not_written() -> None:
    async with SmtpServer().running() as server:
        submission = _submission(server)
        given_up = asyncio.create_task(submission.submit(_mail(1)))
        await asyncio.sleep(0)
        given_up.cancel()
        await submission.submit(_mail(2))
        await submission.stop()
    assert [taken.recipient for taken in server.taken] == ["c2@example.org"]


# What a server cannot carry


async def test_an_address_beyond_ascii_needs_a_server_that_knows_them() -> None:
    async with SmtpServer().running() as server:
        submission = _submission(server)
        await submission.submit(_mail(address="王小明@例子.example"))
        await submission.stop()
    [taken] = server.taken
    assert taken.recipient == "王小明@xn--fsqu00a.example"
    assert "SMTPUTF8" in taken.parameters
    async with SmtpServer(extensions=("PIPELINING",)).running() as server:
        submission = _submission(server)
        assert (await _refused(submission, _mail(address="王小明@example.org"))).code is SendErrorCode.UNSUPPORTED
        await submission.submit(_mail(address="wang@例子.example"))
        await submission.stop()
    assert [taken.recipient for taken in server.taken] == ["wang@xn--fsqu00a.example"]


async def test_a_mail_larger_than_the_server_takes_is_not_even_begun() -> None:
    async with SmtpServer(extensions=("PIPELINING", "SIZE 5000")).running() as server:
        submission = _submission(server)
        assert (await _refused(submission, _mail(text="x" * 6000))).code is SendErrorCode.TOO_LARGE
        await submission.submit(_mail(2))
        await submission.stop()
    assert sum(line.startswith("MAIL") for line in server.said) == 1


@pytest.mark.parametrize("content", [b"a\nb\r\n", b"a\rb\r\n", b"a\r\n.\n\r\n", b"a", b"a\r\n.\r\r\nMAIL FROM:<x>\r\n"])
async def test_a_bare_line_end_never_leaves(content: bytes) -> None:
    """It would end the mail for some servers, and what follows would be a mail of somebody's own making."""
    submission = Submission(SubmissionSettings(host="127.0.0.1", port=1, security=Security.PLAIN))
    mail = Mail(id="x@y", sender="a@b.c", recipient="d@e.f", content=content)
    assert (await _refused(submission, mail)).code is SendErrorCode.REJECTED


# TLS and login


def _server_context() -> ssl.SSLContext:
    from tempfile import NamedTemporaryFile

    cert, key = certificate()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with NamedTemporaryFile() as file:
        file.write(cert + key)
        file.flush()
        context.load_cert_chain(file.name)
    return context


@pytest.fixture
def trusted(tmp_path: Path) -> str:
    path = tmp_path / "certificate.pem"
    path.write_bytes(certificate()[0])
    return str(path)


async def test_tls_from_the_first_byte(trusted: str) -> None:
    async with SmtpServer(users={"shop": "geheim"}).running(tls=_server_context()) as server:
        submission = _submission(server, security=Security.TLS, certificates=trusted, user="shop", password="geheim")
        await submission.submit(_mail())
        await submission.stop()
    assert len(server.taken) == 1
    assert "STARTTLS" not in server.said


async def test_tls_asked_for(trusted: str) -> None:
    async with SmtpServer(users={"shop": "geheim"}, context=_server_context()).running() as server:
        submission = _submission(
            server, security=Security.STARTTLS, certificates=trusted, user="shop", password="geheim"
        )
        await submission.probe()
        await submission.submit(_mail())
        await submission.stop()
    assert len(server.taken) == 1
    assert server.said[:3] == ["EHLO localhost", "STARTTLS", "EHLO localhost"]


async def test_a_server_that_hides_its_tls_gets_neither_password_nor_mail() -> None:
    async with SmtpServer(users={"shop": "geheim"}).running() as server:
        submission = _submission(server, security=Security.STARTTLS, user="shop", password="geheim")
        problem = await _refused(submission)
        await submission.stop()
    assert (problem.code, problem.whole_channel) == (SendErrorCode.UNAUTHORIZED, True)
    assert not any(line.startswith(("AUTH", "MAIL")) for line in server.said)


async def test_words_slipped_in_before_tls_are_not_believed(trusted: str) -> None:
    async with SmtpServer(context=_server_context()).running() as server:
        server.then("STARTTLS", "220 go on\r\n250-here.example\r\n250 AUTH PLAIN")
        submission = _submission(server, security=Security.STARTTLS, certificates=trusted)
        problem = await _refused(submission)
        await submission.stop()
    assert problem.code is SendErrorCode.UNAUTHORIZED


async def test_a_certificate_that_nobody_vouches_for_is_not_trusted() -> None:
    async with SmtpServer().running(tls=_server_context()) as server:
        submission = _submission(server, security=Security.TLS)
        problem = await _refused(submission)
        await submission.stop()
    assert problem.code is SendErrorCode.UNREACHABLE
    assert problem.detail.startswith("the mail server's certificate: ")


async def test_tls_spoken_to_a_port_without_it_says_where_to_look() -> None:
    async with SmtpServer().running() as server:
        submission = _submission(server, security=Security.TLS)
        problem = await _refused(submission)
        await submission.stop()
    assert problem.code is SendErrorCode.UNREACHABLE
    assert problem.detail.endswith("see port and security")


async def test_a_relay_that_asks_for_no_login_is_told_from_a_wrong_password() -> None:
    async with SmtpServer().running() as relay, SmtpServer(users={"shop": "geheim"}).running() as server:
        asked_in_vain = _submission(relay, user="shop", password="geheim")
        mistyped = _submission(server, user="shop", password="gehiem")
        problems = [await _refused(each) for each in (asked_in_vain, mistyped)]
        await asked_in_vain.stop()
        await mistyped.stop()
    assert [problem.code for problem in problems] == [SendErrorCode.UNAUTHORIZED] * 2
    assert "no_login = true" in problems[0].detail
    assert problems[1].detail == "the mail server refuses our login (535)"
    assert not any("AUTH" in line for line in relay.said), "no password is said to who did not ask"


async def test_where_nobody_listens_the_servers_own_words_are_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        submission = Submission(SubmissionSettings(host="127.0.0.1", port=taken.getsockname()[1]))
        problem = await _refused(submission)
        await submission.stop()
    assert problem.detail == "the mail server cannot be reached: Connection refused"


@pytest.mark.parametrize("offer", ["AUTH PLAIN LOGIN", "AUTH LOGIN"])
async def test_login_in_the_way_that_the_server_knows(offer: str) -> None:
    async with SmtpServer(extensions=("PIPELINING", offer), users={"店": "ge heim€"}).running() as server:
        submission = _submission(server, user="店", password="ge heim€")
        await submission.submit(_mail())
        await submission.stop()
    assert len(server.taken) == 1


async def test_login_by_token() -> None:
    tokens = iter(["stale", "fresh"])

    async def token() -> str:
        return next(tokens)

    async with SmtpServer(token="fresh").running() as server:
        submission = _submission(server, user="shop@example.org", token=token)
        problem = await _refused(submission)
        await submission.submit(_mail())
        await submission.stop()
    assert (problem.code, problem.whole_channel) == (SendErrorCode.UNAUTHORIZED, True)
    assert len(server.taken) == 1


async def test_a_wrong_password_is_said_for_the_whole_channel_and_shows_nothing() -> None:
    async with SmtpServer(users={"shop": "geheim"}).running() as server:
        submission = _submission(server, user="shop", password="wrong-geheim")
        problem = await _refused(submission)
        with pytest.raises(SendError):
            await submission.probe()
        await submission.stop()
    assert (problem.code, problem.whole_channel) == (SendErrorCode.UNAUTHORIZED, True)
    assert "geheim" not in str(problem)
    assert "xoxo" not in str(problem)
    assert "geheim" not in repr(SubmissionSettings(host="h", user="u", password="geheim"))


@pytest.mark.parametrize("host", ["mail.example.org", "192.0.2.1", "127.0.0.1.example.org"])
def test_without_tls_mail_goes_to_this_machine_only(host: str) -> None:
    with pytest.raises(InsecureSubmission):
        Submission(SubmissionSettings(host=host, security=Security.PLAIN))


# A real server


@pytest.fixture(scope="module")
def postfix() -> Iterator[Postfix]:
    server = Postfix.create(*certificate())
    yield server
    server.remove()


@pytest.mark.parametrize("security", list(Security))
async def test_postfix_takes_our_mails_and_says_what_is_wrong_with_the_others(
    postfix: Postfix, security: Security, trusted: str
) -> None:
    submission = Submission(
        SubmissionSettings(
            host="127.0.0.1",
            port=postfix.tls_port if security is Security.TLS else postfix.port,
            security=security,
            certificates=trusted,
            connections=2,
        )
    )
    before = len(postfix.mails())
    mails = [_mail(number) for number in range(20)]
    odd = [
        _mail(91, address="nobody@example.org"),
        _mail(92, address="full@example.org"),
        _mail(93, text="x" * 300_000),
    ]
    answers = await asyncio.gather(
        *(submission.submit(mail) for mail in [*mails[:10], *odd, *mails[10:]]), return_exceptions=True
    )
    await submission.stop()
    assert answers[:10] == answers[13:] == [None] * 10
    assert [answer.code for answer in answers if isinstance(answer, SendError)] == [
        SendErrorCode.BAD_ADDRESS,
        SendErrorCode.RATE_LIMITED,
        SendErrorCode.TOO_LARGE,
    ]
    await until(lambda: len(postfix.mails()) >= before + 20)
    ids = {message_from_bytes(mail, policy=policy.default)["Message-ID"] for mail in postfix.mails()}
    assert {f"<{mail.id}>" for mail in mails} == ids


async def test_postfix_delivers_the_words_unchanged(postfix: Postfix) -> None:
    submission = Submission(SubmissionSettings(host="127.0.0.1", port=postfix.port, security=Security.PLAIN))
    text = ".\n..\nFrom here on\n" + "长" * 3000 + "\n=20\tend"
    mail = _mail(500, address="王小明@example.org", text=text)
    await submission.submit(mail)
    await submission.stop()
    await until(lambda: any(mail.id.encode() in each for each in postfix.mails()))
    delivered = next(each for each in postfix.mails() if mail.id.encode() in each)
    body = message_from_bytes(delivered, policy=policy.default).get_body(("plain",))
    assert body is not None
    assert body.get_content().replace("\r\n", "\n").rstrip("\n") == text
