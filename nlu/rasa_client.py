"""A Rasa server as an engine, over its HTTP API. Source: rasa.com/docs/rasa/3.x/pages/http-api, `POST /model/parse`.

Whatever the server says that is not an answer (an error page, JSON of another shape, confidences that are no numbers)
is a failure with its reason, never an exception: such an Understanding has the engine `none`.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import cast

import aiohttp
import orjson

from nlu.entities import Entities
from nlu.language import detect
from nlu.training import ENTITY_KINDS
from nlu.understanding import Entity, FindsEntities, Intent, Understanding

LARGEST_ANSWER = 1_000_000
"""Bytes. Rasa's answer to a short message has some 5,000."""
MOST_INTENTS = 3
NOT_AN_ANSWER = "nlu_fallback"
"""What Rasa's FallbackClassifier puts first when it is not sure."""
OUT_OF_SCOPE = "out_of_scope"
SURE_REFUSAL = 0.5
"""Confidence: what is less surely of another world is asked about."""
BUILT_IN = frozenset((NOT_AN_ANSWER, OUT_OF_SCOPE, "restart", "back", "session_start"))
"""Intents that Rasa gives any model. Source: rasa.com/docs/rasa/default-actions."""
MOST_OF_A_NAME = 60
"""Characters of an intent's name that are told."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RasaSettings:
    """Where Rasa is, and how long we wait for it."""

    url: str | Callable[[], str | None]
    """Of the server, e.g. `http://127.0.0.1:5005`. A function where it moves; None: it cannot be asked just now."""
    token: str | None = None
    """As given to `rasa run --auth-token`."""
    intents: Callable[[], Collection[str]] = tuple
    """Which intents there are here; none: whatever the model names is welcome."""
    model: Callable[[], str] = str
    """Which model the server has, where it does not say so itself."""
    timeout: float = 1.0
    """Seconds for one message, connecting included."""
    connections: int = 16
    """At the same time."""
    most_characters: int = 4000
    """Of a text that are sent: Rasa's time grows with the length."""

    def __repr__(self) -> str:
        return f"RasaSettings(url={self.url!r}, timeout={self.timeout!r})"


class Nonsense(Exception):
    """The server answered with something that is no answer."""


class AnotherModel(Exception):
    """What is served knows other intents than we do."""


class Nowhere(OSError):
    """The server is starting, or being given another model."""


class Unanswered(Exception):
    """The server gave no answer; the message says why."""


TROUBLES = (TimeoutError, aiohttp.ClientError, OSError, Nonsense, AnotherModel)


class Rasa:
    """Understands by asking a Rasa server. Close it when done."""

    name = "rasa"
    batches = False

    def __init__(self, settings: RasaSettings, entities: FindsEntities | None = None) -> None:
        self._settings = settings
        self._entities = entities or Entities()
        self._session: aiohttp.ClientSession | None = None

    async def understand(self, texts: Sequence[str]) -> Sequence[Understanding]:
        """All texts at the same time, as far as there are connections. Never raises."""
        return await asyncio.gather(*map(self._understand, texts))

    async def rankings(self, texts: Sequence[str]) -> Sequence[Sequence[Intent]]:
        """All intents of the model for each text, best first; none for a text that says nothing. Raises Unanswered."""
        try:
            return await asyncio.gather(*map(self._rank, texts))
        except TROUBLES as error:
            raise Unanswered(self._words_of(error)) from error

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _understand(self, text: str) -> Understanding:
        if not _says_anything(text):
            return Understanding(language=None, engine=self.name, failure="empty")
        try:
            answer = await self._ask(text[: self._settings.most_characters])
            return self._read(text, answer)
        except TROUBLES as error:
            reason = self._words_of(error)
        language, either_script = detect(text)
        return Understanding(
            language=language,
            either_script=either_script,
            entities=self._entities.find(text),
            failure=f"{self.name}: {reason}",
        )

    async def _rank(self, text: str) -> Sequence[Intent]:
        if not _says_anything(text):
            return ()
        answer = await self._ask(text[: self._settings.most_characters])
        return [intent for intent in _ranking(answer) if intent.name != NOT_AN_ANSWER]

    def _words_of(self, error: Exception) -> str:
        match error:
            case TimeoutError():
                return f"timed out after {self._settings.timeout:.1f} s"
            case aiohttp.ClientResponseError():
                return f"answered {error.status}"
            case Nonsense():
                return f"answered nonsense: {error}"
            case AnotherModel():
                return f"has another model: {error}"
            case _:
                return f"cannot be reached ({type(error).__name__})"

    async def _ask(self, text: str) -> dict[str, object]:
        settings = self._settings
        url = settings.url if isinstance(settings.url, str) else settings.url()
        if url is None:
            raise Nowhere
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=settings.connections))
        async with self._session.post(
            f"{url.rstrip('/')}/model/parse",
            params={"token": settings.token} if settings.token else None,
            data=orjson.dumps({"text": only_words(text)}),
            headers={"Content-Type": "application/json"},
            timeout=aiohttp.ClientTimeout(total=settings.timeout),
            allow_redirects=False,
        ) as response:
            if response.status != 200:
                raise aiohttp.ClientResponseError(response.request_info, (), status=response.status)
            body = await _whole(response)
        try:
            answer = cast("object", orjson.loads(body))
        except orjson.JSONDecodeError as error:
            raise Nonsense("no JSON") from error
        if not isinstance(answer, dict):
            raise Nonsense("no JSON object")
        return cast("dict[str, object]", answer)

    def _read(self, text: str, answer: dict[str, object]) -> Understanding:
        ranking = self._ours(_ranking(answer))
        found = [_span(said, text) for said in _list(answer, "entities")]
        model = answer.get("model_id")
        language, either_script = detect(text)
        refused = is_refusal(ranking)
        known = [intent for intent in ranking if intent.name not in (NOT_AN_ANSWER, OUT_OF_SCOPE)]
        return Understanding(
            language=language,
            either_script=either_script,
            intents=() if refused else tuple(known[:MOST_INTENTS]),
            guesses=tuple(known[:MOST_INTENTS]) if refused else (),
            entities=_merged(self._entities.find(text), found),
            engine=self.name,
            model=model if isinstance(model, str) else self._settings.model(),
            out_of_scope=refused,
            failure="out of scope" if refused else None,
        )

    def _ours(self, ranking: list[Intent]) -> list[Intent]:
        """The intents that there are here. Raises AnotherModel where the best guess is none of them, or the
        model is somebody else's."""
        ours = self._settings.intents()
        names = [intent.name for intent in ranking if intent.name != NOT_AN_ANSWER]
        strange = strangers(names, ours)
        if strange and (names[0] == strange[0] or is_another(names, ours)):
            raise AnotherModel(f"{strange[0][:MOST_OF_A_NAME]} is no intent of ours")
        return [intent for intent in ranking if intent.name not in strange]


def is_refusal(ranking: Sequence[Intent]) -> bool:
    """Whether the text is none of the business's concern."""
    return ranking[0].name == OUT_OF_SCOPE and ranking[0].confidence >= SURE_REFUSAL


def strangers(names: Collection[str], ours: Collection[str]) -> Sequence[str]:
    """The intents of a model that there are not here; none where we do not know which there are."""
    return [name for name in names if name not in ours and name not in BUILT_IN] if ours else []


def is_another(names: Collection[str], ours: Collection[str]) -> bool:
    """Whether a model with these intents is somebody else's: it has strange ones, and shares less than half of all.

    Everybody's assistant knows `greet`; and one that was trained before an intent was renamed or given up is ours.
    """
    strange = strangers(names, ours)
    of_ours = {name for name in ours if name not in BUILT_IN}
    shared = of_ours & set(names)
    return bool(strange) and 2 * len(shared) < len(of_ours) + len(set(strange))


def _says_anything(text: str) -> bool:
    return any(character.isprintable() and not character.isspace() for character in text)


def only_words(text: str) -> str:
    """Without half characters; and what begins with a slash is no command here: to Rasa, `/restart` or
    `/greet{"name": "x"}` says what was understood, whoever wrote it. The offsets stay."""
    text = text.encode(errors="replace").decode()
    begins = len(text) - len(text.lstrip())
    return f"{text[:begins]}／{text[begins + 1 :]}" if text.startswith("/", begins) else text


async def _whole(response: aiohttp.ClientResponse) -> bytes:
    pieces: list[bytes] = []
    size = 0
    async for piece in response.content.iter_any():
        size += len(piece)
        if size > LARGEST_ANSWER:
            raise Nonsense(f"more than {LARGEST_ANSWER} bytes")
        pieces.append(piece)
    return b"".join(pieces)


def _list(answer: dict[str, object], name: str) -> list[dict[str, object]]:
    value = answer.get(name)
    if not isinstance(value, list):
        raise Nonsense(f"no list {name}")
    items = cast("list[object]", value)
    if not all(isinstance(item, dict) for item in items):
        raise Nonsense(f"{name} holds something else than objects")
    return cast("list[dict[str, object]]", items)


def _ranking(answer: dict[str, object]) -> list[Intent]:
    ranking = sorted((_intent(said) for said in _list(answer, "intent_ranking")), key=lambda intent: -intent.confidence)
    if not ranking:
        raise Nonsense("intent_ranking is empty")
    return ranking


def _intent(said: dict[str, object]) -> Intent:
    name, confidence = said.get("name"), said.get("confidence")
    if not isinstance(name, str) or not name:
        raise Nonsense("an intent has no name")
    if isinstance(confidence, bool) or not isinstance(confidence, int | float) or not math.isfinite(confidence):
        raise Nonsense("a confidence is no number")
    if not 0 <= confidence <= 1 + 1e-3:  # float32 softmaxes overshoot
        raise Nonsense("a confidence is not between 0 and 1")
    return Intent(name=name, confidence=min(float(confidence), 1.0))


def _span(said: dict[str, object], text: str) -> Entity:
    kind, value, start, end = said.get("entity"), said.get("value"), said.get("start"), said.get("end")
    if not isinstance(kind, str) or not kind:
        raise Nonsense("an entity has no name")
    if not isinstance(start, int) or not isinstance(end, int) or not 0 <= start < end <= len(text):
        raise Nonsense("an entity lies outside the text")
    if not isinstance(value, str | int | float):
        value = text[start:end]
    return Entity(kind=kind, value=str(value), text=text[start:end], start=start, end=end)


def _merged(ours: tuple[Entity, ...], theirs: Sequence[Entity]) -> tuple[Entity, ...]:
    """Ours are normalised and go first; of Rasa's, what we have a word for and did not find ourselves."""
    more = [
        entity
        for entity in theirs
        if entity.kind in ENTITY_KINDS and all(entity.end <= own.start or entity.start >= own.end for own in ours)
    ]
    return tuple(sorted((*ours, *more), key=lambda entity: entity.start))
