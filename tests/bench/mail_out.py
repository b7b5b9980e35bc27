"""Mail on its way out: writing it beside the standard library, handing it over beside a bare aiosmtplib pool.

`python -m tests.bench.mail_out ours|bare PORT MAILS` hands over so many mails and prints how many it were a second.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape
from statistics import median
from typing import TYPE_CHECKING, Final

import aiosmtplib
import uvloop
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from channels.envelope import OutboundMessage, Quoted
from channels.mail.composing import Composer, Mail, Sender
from channels.mail.settings import Security, SubmissionSettings
from channels.mail.signing import DkimKey, Signer
from channels.mail.submission import Submission
from tests.bench.generator import ROOT
from tests.bench.processes import printed, running
from tests.bench.report import Aim, Findings, Table
from tests.ports import free_port, listens

if TYPE_CHECKING:
    from tests.bench.sections import Workshop

SINK: Final = "/usr/sbin/smtp-sink"
"""Postfix's own, in C: it takes mails faster than any of the contestants writes them."""
CONNECTIONS: Final = 8
ON_THE_WAY: Final = 64
"""Mails at once, as the gateway's sender has them."""
NOW: Final = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
COMPOSER: Final = Composer(Sender(address="support@shop.example", name="好店客服"), secret=b"k" * 32)
TEXTS: Final = (
    "您好，\n\n您的订单 A-10{number} 已发货，预计明天送达。\n查询：https://shop.example/track?id={number}&lang=zh\n\n谢谢！",
    "Hello,\n\nyour order A-10{number} has left our warehouse and should be with you tomorrow.\n"
    "Track it: https://shop.example/track?id={number}&lang=en\n\nThank you!",
)


def mail_out(shop: Workshop) -> Findings:
    """Writing and handing over."""
    count = 500 if shop.quick else 20_000
    rounds = shop.pace.rounds
    written = {name: [_rate(write, count // 10) for _ in range(rounds)] for name, write in WRITERS.items()}
    rows = [[name, spread([1e6 / rate for rate in rates])] for name, rates in written.items()]
    standard = written["standard library"]
    times = median(ours / theirs for ours, theirs in zip(written["Rapport"], standard, strict=True))
    tables = [Table(columns=["writing a mail", "µs a mail (all rounds)"], rows=rows)]
    aims = [Aim.at_least("Writing a mail, times the standard library", 20, times)]
    notes = [
        "A mail is an answer with its quote, text and HTML, half of them in Chinese. Both write the same; with a key, "
        "most of the time is the signature (RSA, 2048 bits)."
    ]
    if not os.access(SINK, os.X_OK):
        return Findings(
            title="Mail out",
            tables=tables,
            aims=aims,
            notes=[*notes, "Handing over: not measured, smtp-sink is not installed (apt install postfix)."],
        )
    handed: dict[str, list[float]] = {"ours": [], "bare": []}
    with sink(shop) as port:
        for _ in range(rounds):
            for way, rates in handed.items():
                rates.append(handed_over(way, port, count if way == "ours" else count // 5))
            shop.tell(f"handed over: ours {handed['ours'][-1]:,.0f}/s, bare {handed['bare'][-1]:,.0f}/s")
    names = {"ours": "Rapport: written and handed over", "bare": "aiosmtplib pool, standard library"}
    tables.append(
        Table(
            columns=[f"handing over, {CONNECTIONS} connections", "mails/s (all rounds)"],
            rows=[[names[way], spread(rates)] for way, rates in handed.items()],
        )
    )
    faster = median(ours / bare for ours, bare in zip(handed["ours"], handed["bare"], strict=True))
    aims.append(Aim.at_least("Mails handed over, times a bare aiosmtplib pool", 2, faster))
    notes.append(
        f"{count:,} mails each round, {count // 5:,} for the slower one. The server is Postfix's smtp-sink on the same "
        "machine; it takes everything and keeps nothing."
    )
    return Findings(title="Mail out", tables=tables, aims=aims, notes=notes)


def message_of(number: int) -> OutboundMessage:
    return OutboundMessage(
        channel="mail",
        address=f"mailto:customer{number}@example.org",
        text=TEXTS[number % 2].format(number=number),
        key=f"d{number}",
        language=("zh-Hans", "en")[number % 2],
        subject=f"订单 A-10{number}",
        reply_to=f"CAF{number}@mail.example.org",
        references=(f"CAE{number}@mail.example.org", f"CAF{number}@mail.example.org"),
        thread=f"t{number}",
        quoted=Quoted(author="王小明", at=NOW, text="什么时候发货？\n谢谢"),
    )


def _ours(number: int) -> Mail:
    return COMPOSER.compose(message_of(number), at=NOW)


def _standard(number: int) -> EmailMessage:
    """The same mail, as one writes it with the standard library."""
    message = message_of(number)
    quoted = message.quoted
    assert quoted is not None
    mail = EmailMessage(policy=SMTP)
    mail["Date"] = format_datetime(NOW)
    mail["From"] = "好店客服 <support@shop.example>"
    mail["To"] = message.address.removeprefix("mailto:")
    mail["Subject"] = f"Re: {message.subject}"
    mail["Message-ID"] = f"<d{number}.abcdefghijklmnop@shop.example>"
    mail["In-Reply-To"] = f"<{message.reply_to}>"
    mail["References"] = " ".join(f"<{each}>" for each in message.references)
    mail["Reply-To"] = f"好店客服 <support+t{number}.abcdefghijklmnop@shop.example>"
    mail["Auto-Submitted"] = "auto-replied"
    above = f"On 2 March 2026 at 04:00, {quoted.author} wrote:"
    lines = "\n".join(f"> {line}" for line in quoted.text.split("\n"))
    mail.set_content(f"{message.text}\n\n{above}\n{lines}\n")
    paragraphs = "\n".join(f"<p>{escape(each)}</p>" for each in message.text.split("\n\n"))
    page = (
        f"<!DOCTYPE html>\n<html><body>\n{paragraphs}\n<p>{above}</p>\n<blockquote>{escape(quoted.text)}</blockquote>"
    )
    mail.add_alternative(f"{page}\n</body></html>\n", subtype="html")
    return mail


def _signer() -> Signer:
    key = rsa.generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Signer(DkimKey(domain="shop.example", selector="s", private_key=key.decode()))


_SIGNER: Final = _signer()
WRITERS: Final[dict[str, Callable[[int], object]]] = {
    "Rapport": _ours,
    "Rapport, with DKIM": lambda number: _SIGNER.sign(_ours(number).content, at=1),
    "standard library": lambda number: _standard(number).as_bytes(),
}


def _rate(write: Callable[[int], object], count: int) -> float:
    """Mails a second."""
    began = time.perf_counter()
    for number in range(count):
        write(number)
    return count / (time.perf_counter() - began)


def spread(figures: Sequence[float]) -> str:
    return f"{median(figures):,.0f} ({min(figures):,.0f} to {max(figures):,.0f})"


@contextmanager
def sink(shop: Workshop) -> Generator[int]:
    port = free_port()
    # It wants to be told as whom it runs where root starts it.
    somebody = ["-u", "nobody"] if os.geteuid() == 0 else []
    with running(
        [SINK, *somebody, f"127.0.0.1:{port}", "100"],
        log=shop.folder / "sink.log",
        ready=lambda _: "up" if listens(port) else None,
        environment=os.environ,
        folder=ROOT,
    ):
        yield port


def handed_over(way: str, port: int, count: int) -> float:
    return printed("tests.bench.mail_out", way, port, count)


async def _hand_over_ours(port: int, count: int) -> None:
    submission = Submission(
        SubmissionSettings(host="127.0.0.1", port=port, security=Security.PLAIN, connections=CONNECTIONS)
    )
    numbers = iter(range(count))

    async def some() -> None:
        for number in numbers:
            await submission.submit(_ours(number))

    await asyncio.gather(*(some() for _ in range(ON_THE_WAY)))
    await submission.stop()


async def _hand_over_bare(port: int, count: int) -> None:
    numbers = iter(range(count))

    async def some() -> None:
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, use_tls=False, start_tls=False) as client:
            for number in numbers:
                await client.send_message(_standard(number))

    await asyncio.gather(*(some() for _ in range(CONNECTIONS)))


def main() -> None:
    way, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    work = {"ours": _hand_over_ours, "bare": _hand_over_bare}[way]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
        began = time.perf_counter()
        loop.run(work(port, count))
        print(count / (time.perf_counter() - began))


if __name__ == "__main__":
    main()
