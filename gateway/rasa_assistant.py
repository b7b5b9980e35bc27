"""A Rasa assistant that the business has already, asked over its REST channel: `POST /webhooks/rest/webhook`.

It is asked before the transaction that keeps its answer. A message whose answer came too late, or was lost, is not
asked again: the assistant may have heard it. After a crash between answer and commit the whole Turn is run again, and
asks again, with the same `metadata.message_id`.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp
import orjson
import structlog

from bot.assistant import Answer, Ask, Reply, Trouble
from bot.effects import AskAssistant
from bot.turn import Turn
from channels.envelope import Event
from gateway.claims import Claim
from gateway.rasa_answers import Bounds, Nonsense, read
from gateway.settings_assistant import PATIENCE
from nlu.breaker import Breaker
from nlu.rasa_client import only_words

log = structlog.get_logger(__name__)

MOST_ASKED = 10
"""Messages of a Turn that are asked each by itself; what more has piled up is asked as one."""
ITS_FAULT = frozenset(Trouble) - {Trouble.EMPTY, Trouble.PAUSED}
"""Troubles after which it may need a rest. Of an empty answer only its makers know whether it is one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RasaAssistantSettings:
    """Where the assistant is, and how long and how much of it we hear."""

    url: str
    """Of the server, e.g. `http://127.0.0.1:5005`."""
    channel: str = "rest"
    """Of its credentials.yml."""
    webhook_token: str | None = field(default=None, repr=False)
    timeout: float = 8.0
    """Seconds for the answer to one message."""
    patience: float = PATIENCE
    """Seconds for all that a Turn asks."""
    connections: int = 16
    breaker_failures: int = 5
    breaker_pause: float = 10.0
    """Seconds."""
    question_characters: int = 4000
    answer_bytes: int = 1_000_000
    bounds: Bounds

    @property
    def webhook(self) -> str:
        return f"{self.url.rstrip('/')}/webhooks/{self.channel}/webhook"


COMMAND = re.compile(r"\s*/[a-z0-9_]{1,32}\s*", re.IGNORECASE)
"""As Telegram's menus send them (https://core.telegram.org/bots/features#commands); assistants have intents of those
names."""


class Failed(Exception):
    """The assistant gave no answer."""

    def __init__(self, trouble: Trouble, words: str) -> None:
        super().__init__(words)
        self.trouble = trouble


class RasaAssistant:
    """Asks. Close it when done."""

    def __init__(
        self,
        settings: RasaAssistantSettings,
        *,
        key: bytes,
        clock: Callable[[], float] = time.monotonic,
        took: Callable[[float], None] = lambda seconds: None,
        failed: Callable[[str], None] = lambda trouble: None,
    ) -> None:
        """`key`: the house's own, so that nobody can guess by which name the assistant knows a customer.

        `took(seconds)` is told how long each message took, answered or not; `failed(trouble)` of each that was not.
        """
        self._settings = settings
        self._key = key
        self._clock = clock
        self._took = took
        self._failed = failed
        self._breaker = Breaker(failures=settings.breaker_failures, pause=settings.breaker_pause, clock=clock)
        self._places = asyncio.Semaphore(settings.connections)
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def sender(self, claim: Claim) -> str:
        """By which name the assistant knows who writes: the same for good, for an address and, on mail, a thread."""
        who = f"{claim.person.address_id}:{claim.talk.thread}".encode()
        return hmac.new(self._key, who, hashlib.sha256).hexdigest()[:32]

    async def answer(self, asking: AskAssistant, turn: Turn, claim: Claim) -> Answer:
        """Ask one message after the other, up to the first that is not answered. Never raises."""
        sender = self.sender(claim)
        replies: list[Reply] = []
        notes: list[str] = []
        try:
            async with asyncio.timeout(self._settings.patience):
                for ask in gathered(asking.asks):
                    said, left_out = await self._ask(ask, sender, metadata(ask, turn, asking))
                    replies += said
                    notes += left_out
        except (Failed, TimeoutError) as error:
            failure = error if isinstance(error, Failed) else Failed(Trouble.TIMEOUT, "was busy for too long")
        else:
            if replies:
                return Answer(replies=tuple(replies), notes=tuple(notes))
            failure = Failed(Trouble.EMPTY, "answered nothing")
        self._failed(failure.trouble)
        log.warning("assistant_gave_no_answer", conversation=turn.conversation.id, reason=str(failure))
        return Answer(replies=tuple(replies), trouble=failure.trouble, reason=f"rasa: {failure}", notes=tuple(notes))

    def _words(self, ask: Ask) -> str:
        """A payload that it gave a button comes back as it is, and so does a bare command; but nobody tells it by
        typing what was understood, `/pay{"amount": 0}`."""
        text = ask.text[: self._settings.question_characters]
        if ask.event is Event.CALLBACK or COMMAND.fullmatch(text):
            return text.encode(errors="replace").decode()
        return only_words(text)

    async def _ask(self, ask: Ask, sender: str, about: Mapping[str, Any]) -> tuple[list[Reply], list[str]]:
        question = orjson.dumps({"sender": sender, "message": self._words(ask), "metadata": about})
        async with self._places:
            asking = self._breaker.lets_through()
            if asking is None:
                raise Failed(Trouble.PAUSED, "paused after failures")
            started = self._clock()
            try:
                replies, notes = read(await self._post(question), sender, self._settings.bounds)
            except Nonsense as error:
                self._breaker.badly()
                raise Failed(Trouble.NONSENSE, f"answered nonsense: {error}") from error
            except Failed:
                self._breaker.badly()
                raise
            except BaseException:
                self._breaker.unsaid(asking)
                raise
            finally:
                self._took(self._clock() - started)
            self._breaker.well()
        if len(ask.text) > self._settings.question_characters:
            notes.append("the question was longer than most_question_characters")
        return replies, notes

    async def _post(self, question: bytes) -> bytes:
        settings = self._settings
        headers = {"Content-Type": "application/json"}
        if settings.webhook_token is not None:
            headers["Authorization"] = f"Bearer {settings.webhook_token}"
        if self._session is None:
            # A connection each: Rasa's server closes idle ones after five seconds, and a message that was written
            # into a closing one would be lost, or, sent again, doubled.
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, force_close=True), cookie_jar=aiohttp.DummyCookieJar()
            )
        try:
            async with self._session.post(
                settings.webhook,
                data=question,
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=settings.timeout),
                allow_redirects=False,
            ) as response:
                if response.status != 200:
                    raise Failed(Trouble.REFUSED, f"answered {response.status}")
                return await self._whole(response)
        except TimeoutError as error:
            raise Failed(Trouble.TIMEOUT, f"timed out after {settings.timeout:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise Failed(Trouble.UNREACHABLE, f"cannot be reached ({type(error).__name__})") from error

    async def _whole(self, response: aiohttp.ClientResponse) -> bytes:
        pieces: list[bytes] = []
        size = 0
        async for piece in response.content.iter_any():
            size += len(piece)
            if size > self._settings.answer_bytes:
                raise Failed(Trouble.TOO_LARGE, f"answered more than {self._settings.answer_bytes} bytes")
            pieces.append(piece)
        return b"".join(pieces)


def gathered(asks: Sequence[Ask]) -> Sequence[Ask]:
    """Each by itself, as its writer sent it; where very many have piled up, the last ones together."""
    if len(asks) <= MOST_ASKED:
        return asks
    rest = asks[MOST_ASKED - 1 :]
    together = replace(rest[-1], event=Event.MESSAGE, text="\n".join(ask.text for ask in rest))
    return [*asks[: MOST_ASKED - 1], together]


def metadata(ask: Ask, turn: Turn, asking: AskAssistant) -> Mapping[str, Any]:
    """What the assistant is told beside the text; its actions find it as `tracker.latest_message["metadata"]`."""
    told: dict[str, Any] = {
        "channel": turn.channel.name,
        "language": asking.language,
        "conversation": str(turn.conversation.id),
        "message_id": str(ask.interaction),
        "event": ask.event,
    }
    if turn.contact.name:
        told["name"] = turn.contact.name
    attachments = [
        {"kind": attachment.kind, "name": attachment.name, "content_type": attachment.content_type}
        for message in turn.messages
        if message.interaction == ask.interaction
        for attachment in message.attachments
    ]
    return told | {"attachments": attachments} if attachments else told
