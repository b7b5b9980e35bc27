"""Reading mail, beside the standard library's own parser, over the given corpora."""

from __future__ import annotations

import email
import time
from collections.abc import Callable
from statistics import median, quantiles
from typing import TYPE_CHECKING, Final

from channels.mail.message import parse
from channels.mail.written import written_now
from tests.bench.report import Aim, Findings, Table
from tests.given import DATA

if TYPE_CHECKING:
    from tests.bench.sections import Workshop

TITLE: Final = "Mail in"
AIM: Final = 4
"""Times the standard library's time for a mail, at the median."""


def mail_in(shop: Workshop) -> Findings:
    """Each mail is read by both, in turns; of each the best of its rounds counts."""
    mails = _mails()
    if not mails:
        return Findings(title=TITLE, notes=["Not measured: the given mails are absent (RAPPORT_DATA)."])
    rounds = 1 if shop.quick else 5 * shop.pace.rounds
    readers: dict[str, Callable[[bytes], object]] = {
        "Rapport, parse": parse,
        "Rapport, parse and what was written now": _written,
        "standard library, parse and walk": _standard,
    }
    best: dict[str, list[float]] = {name: [] for name in readers}
    for raw in mails:
        taken = {name: min(_seconds(read, raw) for _ in range(rounds)) for name, read in readers.items()}
        for name, seconds in taken.items():
            best[name].append(seconds)
    ours, _, standard = best.values()
    ratios = [mine / theirs for mine, theirs in zip(ours, standard, strict=True)]
    rows = [[name, f"{len(mails) / sum(times):,.0f}", f"{median(times) * 1e6:,.0f}"] for name, times in best.items()]
    shop.tell(f"{len(mails)} mails, {median(ratios):.2f} times the standard library's time at the median")
    return Findings(
        title=TITLE,
        tables=[Table(columns=["", "mails/s", "median µs"], rows=rows)],
        notes=[
            f"{len(mails)} given mails, more than half of them bounces. The standard library splits a mail and undoes "
            "its transfer encodings; Rapport also decodes headers, addresses, dates and character sets, and makes text "
            f"of HTML. Of ten mails, nine take less than {quantiles(ratios, n=10)[-1]:.1f} times the standard "
            "library's time; the others are long HTML, or in a character set that has to be found out."
        ],
        aims=[Aim.below("Reading a mail, times the standard library (median)", AIM, median(ratios))],
    )


def _mails() -> list[bytes]:
    folder = DATA / "mail"
    return [
        file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.suffix in {".eml", ".box"} or (file.suffix == ".txt" and file.parent.name == "cpython_test_email")
    ]


def _written(raw: bytes) -> object:
    return written_now(parse(raw).text)


def _standard(raw: bytes) -> object:
    return [part.get_payload(decode=True) for part in email.message_from_bytes(raw).walk()]


def _seconds(read: Callable[[bytes], object], raw: bytes) -> float:
    started = time.perf_counter()
    read(raw)
    return time.perf_counter() - started
