"""Alerts to the staff leave by the house's own channels, past the customers' outbox and its policies.

A channel is used for its sending alone: nobody's consent, quiet hours or conversation is asked about, and nothing of it
stands in a customer's thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import structlog

from channels.envelope import Arrival, Event, InboundMessage, OutboundMessage, SendError, SendErrorCode
from channels.protocol import Channel, Invites
from desk import alert_hours, alert_letters
from desk.alert_letters import Letter
from storage.alerts import Way
from storage.commits import Commits, Transaction, Unavailable
from web.console import alert_words, texts

log = structlog.get_logger(__name__)

TELEGRAM: Final = "telegram"
MOST_LINES: Final = 20
"""Of one letter; of the others it says how many they are."""


class StaffAlerts:
    """Sends what is due, and links the Telegram accounts of whoever shows a code."""

    def __init__(
        self,
        commits: Commits,
        channels: Mapping[str, Channel],
        *,
        process: str,
        mailbox: str | None,
        public_url: str | None,
        business: Callable[[str], str],
    ) -> None:
        """`mailbox`: the channel that mails to the staff leave by; None: there is none. `business`: its name in a
        language."""
        self._commits = commits
        self._process = process
        self._public_url = public_url
        self._business = business
        self.ways: Mapping[Way, Channel] = _ways(channels, mailbox)
        self._sending = asyncio.Lock()

    async def send_due(self) -> int:
        """Send all letters that are due; returns how many left."""
        async with self._sending:
            await self._commits.run(alert_letters.sweep)
            left = 0
            while letters := await self._commits.run(
                lambda transaction: alert_letters.claim(transaction, holder=self._process, ways=tuple(self.ways))
            ):
                left += sum(await asyncio.gather(*(self._send(letter) for letter in letters)))
            return left

    async def telegram_page(self, code: str) -> str | None:
        """Where somebody of the staff shows a code to our bot; None: there is no bot, or it does not answer."""
        channel = self.ways.get(Way.TELEGRAM)
        if not isinstance(channel, Invites):
            return None
        try:
            return await channel.invitation(code)
        except SendError:
            return None

    async def take_codes(self, arrivals: Sequence[Arrival]) -> None:
        """Whoever of the staff shows their code on Telegram is told alerts there from now on.

        It does not become a customer's conversation. Raises Unavailable, and nothing was taken.
        """
        for arrival in arrivals:
            assert isinstance(arrival, InboundMessage)
            code, address = arrival.start_parameter or "", arrival.address
            linked = await self._commits.run(
                lambda transaction, code=code, address=address: alert_hours.show_code(
                    transaction, code=code, address=address
                )
            )
            await self._answer(address, arrival, linked)

    async def _answer(self, address: str, arrival: InboundMessage, linked: tuple[str, str] | None) -> None:
        words = texts.words(linked[1] if linked else texts.best_language(arrival.language or ""))
        text = words["alerts.linked"].format(name=linked[0]) if linked else words["alerts.not_linked"]
        message = OutboundMessage(
            channel=arrival.channel, address=address, text=text, key=f"staff-code:{arrival.external_id}"
        )
        try:
            await self.ways[Way.TELEGRAM].send(message)
        except SendError as error:
            log.info("staff_code_not_answered", code=str(error.code))

    async def _send(self, letter: Letter) -> bool:
        channel = self.ways[letter.way]
        try:
            await channel.send(self._message(channel, letter))
        except SendError as error:
            await self._failed(letter, error)
            return False
        except Exception as error:
            log.exception("adapter_failed", channel=channel.name, letter=letter.id)
            await self._failed(letter, SendError(SendErrorCode.NO_ANSWER, type(error).__name__))
            return False
        await self._record(lambda transaction: alert_letters.sent(transaction, letter=letter.id))
        return True

    async def _failed(self, letter: Letter, error: SendError) -> None:
        consequence = error.consequence
        log.warning("staff_alert_not_sent", letter=letter.id, way=str(letter.way), code=str(error.code))
        await self._record(
            lambda transaction: alert_letters.not_sent(
                transaction,
                letter=letter,
                reason=str(error.code),
                retry=consequence.retry,
                known=consequence.outcome_known,
                retry_after=error.retry_after,
            )
        )

    async def _record(self, verb: Callable[[Transaction], None]) -> None:
        """What became of a send must not be lost; if it is, the letter counts as `unknown`."""
        for pause in (0.2, 1.0, 5.0):
            try:
                await self._commits.run(verb)
                return
            except Unavailable:
                await asyncio.sleep(pause)

    def _message(self, channel: Channel, letter: Letter) -> OutboundMessage:
        words = texts.words(letter.language)
        lines = [self._line(letter, place) for place in range(min(len(letter.alerts), MOST_LINES))]
        if (rest := len(letter.alerts) - MOST_LINES) > 0:
            lines.append(words["alerts.more"].format(count=rest))
        business = self._business(letter.language)
        first = alert_words.line(letter.alerts[0], letter.language)
        mail = letter.way is Way.MAIL
        return OutboundMessage(
            channel=channel.name,
            address=letter.address,
            text="\n\n".join([*lines, *([words["alerts.foot"]] if mail else [])]),
            key=f"staff-alert:{letter.id}",
            subject=(
                words["alerts.subject_one"].format(business=business, line=first)
                if len(letter.alerts) == 1
                else words["alerts.subject_many"].format(business=business, count=len(letter.alerts))
            )
            if mail
            else None,
            language=letter.language,
            automatic=True,
        )

    def _line(self, letter: Letter, place: int) -> str:
        told = letter.alerts[place]
        says = alert_words.line(told, letter.language)
        if self._public_url is None:
            return says
        link = f"{self._public_url}/console/alerts/{told.id}"
        return f"{says}\n{texts.words(letter.language)['alerts.open_here'].format(link=link)}"


def is_staff_code(arrival: Arrival) -> bool:
    """Somebody of the staff shows a code: no customer's word."""
    return (
        isinstance(arrival, InboundMessage)
        and arrival.event is Event.MESSAGE
        and (arrival.start_parameter or "").startswith(alert_hours.CODE_PREFIX)
    )


def _ways(channels: Mapping[str, Channel], mailbox: str | None) -> Mapping[Way, Channel]:
    named = {Way.MAIL: mailbox, Way.TELEGRAM: TELEGRAM}
    return {way: channels[name] for way, name in named.items() if name is not None and name in channels}
