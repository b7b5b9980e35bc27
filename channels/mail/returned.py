"""What comes back of the mails that we sent: bounces, and complaints of those who do not want them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from channels.cleaning import clean
from channels.envelope import AddressUpdate, Arrival, ConsentUpdate, DeliveryStatus, DeliveryUpdate
from channels.mail.addresses import WRITABLE
from channels.mail.bounces import Bounce, BounceKind, bounces_of
from channels.mail.composing import SCHEME
from channels.mail.feedback import Feedback, feedback_of
from channels.mail.message import ParsedMail
from channels.mail.reading import RAW_IN_ROW, Source


class Returned:
    """Reads what comes back to one channel."""

    def __init__(self, *, channel: str, address: str, wrote: Callable[[str], bool]) -> None:
        """`address`: of the mailbox; `wrote`: whether a Message-ID, without brackets, is one of ours."""
        self._channel = channel
        self._wrote = wrote
        domain = re.escape(address.rpartition("@")[2].encode())
        self._own_ids = re.compile(rb"[A-Za-z0-9_-]{1,64}\.[a-z2-7]{16}@" + domain, re.IGNORECASE)

    def news(self, mail: ParsedMail, raw: bytes, source: Source) -> tuple[Arrival, ...]:
        """What a mail tells of one that we sent; empty where it is a message to us."""
        feedback = feedback_of(mail)
        if feedback is not None:
            return tuple(self._complaint(feedback, raw, source))
        bounces = [bounce for bounce in bounces_of(mail) if WRITABLE.fullmatch(bounce.recipient)]
        if not bounces:
            return ()
        sent = self._sent_by_us(bounces, raw)
        return tuple(news for at, bounce in enumerate(bounces) for news in self._bounce(bounce, sent, at, raw, source))

    def _complaint(self, feedback: Feedback, raw: bytes, source: Source) -> Iterator[ConsentUpdate]:
        """Whoever calls our mail unwanted gets no more marketing; a report about a mail that we did not send says
        nothing of ours."""
        identity = feedback.original_message_id
        if not feedback.is_complaint or (identity is not None and not self._wrote(identity)):
            return
        named = [f"{SCHEME}{each.lower()}" for each in feedback.recipients if WRITABLE.fullmatch(each)]
        if identity is not None:
            # A mail of ours goes to one person, who is found by it also where nobody is named.
            named = (named or [""])[:1]
        for number, address in enumerate(named):
            yield ConsentUpdate(
                channel=self._channel,
                address=address,
                granted=False,
                source="complaint",
                at=source.arrived,
                raw=raw[:RAW_IN_ROW],
                external_id=f"{source.external_id}:{number}",
                sent_as=identity,
            )

    def _sent_by_us(self, bounces: Sequence[Bounce], raw: bytes) -> str | None:
        """The Message-ID of the mail that came back, if it is ours: it cannot be made up."""
        stated = [bounce.original_message_id for bounce in bounces if bounce.original_message_id]
        found = (match.decode() for match in self._own_ids.findall(raw[:RAW_IN_ROW]))
        return next((identity for identity in (*stated, *found) if self._wrote(identity)), None)

    def _bounce(
        self, bounce: Bounce, sent: str | None, number: int, raw: bytes, source: Source
    ) -> Iterator[DeliveryUpdate | AddressUpdate]:
        hard = bounce.kind is BounceKind.HARD
        address = f"{SCHEME}{bounce.recipient.lower()}"
        reason = " ".join(part for part in (str(bounce.reason), bounce.status, bounce.diagnostic[:300]) if part)
        yield DeliveryUpdate(
            channel=self._channel,
            external_id=sent or "",
            status=DeliveryStatus.FAILED if hard else DeliveryStatus.RETRYING,
            at=source.arrived,
            raw=raw[:RAW_IN_ROW],
            reason=clean(reason),
            address=address,
        )
        if hard and sent is not None:  # anybody can write a bounce that closes somebody's address
            yield AddressUpdate(
                channel=self._channel,
                address=address,
                reachable=False,
                reason=clean(reason),
                at=source.arrived,
                raw=raw[:RAW_IN_ROW],
                external_id=f"{source.external_id}:{number}",
                sent_as=sent,
            )
