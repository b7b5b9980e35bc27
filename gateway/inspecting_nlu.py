"""Looks at what understands and answers, for `rapport check`: the sentence encoder, the training files, Rasa, and the
business's own assistant."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import cast

import aiohttp

from gateway.findings import Finding, Level, fine, mistake, note
from gateway.rasa_child import models_of
from gateway.settings import Settings
from gateway.training_folder import OURS
from nlu.encoder import Encoder, EncoderMissing
from nlu.rasa_client import BUILT_IN, MOST_OF_A_NAME, is_another, strangers
from nlu.rasa_project import RasaMissing, find_environment
from nlu.training import TrainingDataMistakes, training_files
from nlu.training import read as read_training


async def check_encoder(settings: Settings) -> Sequence[Finding]:
    """Whether the sentence encoder runs on this machine."""
    if settings.nlu.engine != "semantic":
        return []
    try:
        encoder = await asyncio.to_thread(Encoder.shared)
        await asyncio.to_thread(encoder.encode, ["hello"])
    except EncoderMissing as exc:
        return [mistake("nlu.engine", f"It is semantic, but {exc}; until then the embedded engine answers alone.")]
    return [fine("nlu", "The sentence encoder reads what the embedded engine is not sure of.")]


async def check_training(settings: Settings) -> Sequence[Finding]:
    """Whether the business's own training files can be learnt from and added to."""
    folder = settings.nlu.training_data
    if folder is None:
        return []
    if not await asyncio.to_thread(training_files, folder):
        return [note("nlu.training_data", f"{folder} has no training files yet; it will begin as a copy of ours.")]
    try:
        known = await asyncio.to_thread(read_training, folder)
    except TrainingDataMistakes as mistakes:
        return [mistake("nlu.training_data", f"{each}.") for each in mistakes.mistakes]
    except OSError as exc:
        return [mistake("nlu.training_data", f"{folder} cannot be read ({exc.strerror}).")]
    if not os.access(folder, os.W_OK):
        return [note("nlu.training_data", f"{folder} cannot be written to: no reviewed message can be added.")]
    reviewed = sum("interaction" in example.source for example in known.examples)
    told = f"{len(known.examples):,} examples of {len(known.intents)} intents, {reviewed:,} of them reviewed messages"
    return [fine("nlu.training_data", f"{folder} holds {told}.")]


async def check_rasa(settings: Settings) -> Sequence[Finding]:
    """Whether a Rasa server with a model of ours is there (`/status`, `/domain`)."""
    nlu = settings.nlu
    if nlu.engine != "rasa":
        return []
    if nlu.rasa_url is None:
        return [_own_rasa(settings)]
    parameters = {"token": nlu.rasa_token.get_secret_value()} if nlu.rasa_token else {}
    try:
        async with aiohttp.ClientSession() as http:
            async with http.get(f"{nlu.rasa_url}/status", params=parameters) as answer:
                state = await _rasa_state(nlu.rasa_url, answer)
            if state.level is Level.MISTAKE:
                return [state]
            # It tells its domain to who asks for JSON or YAML by name.
            wanted = {"Accept": "application/json"}
            async with http.get(f"{nlu.rasa_url}/domain", params=parameters, headers=wanted) as answer:
                known = _intents_of(await _json(answer))
        ours = await asyncio.to_thread(_our_intents, settings)
        return [_rasa_model(nlu.rasa_url, known, ours) or state]
    except aiohttp.ClientError as exc:
        # Not the message: it holds the address with the token.
        return [mistake("nlu.rasa_url", f"Rasa at {nlu.rasa_url} cannot be reached ({type(exc).__name__}).")]


def _own_rasa(settings: Settings) -> Finding:
    """The one that the gateway would run."""
    try:
        find_environment()
    except RasaMissing as missing:
        return mistake("nlu.engine", f"{missing}; until then the embedded engine answers.")
    served = models_of(settings).served()
    if served is None:
        return mistake(
            "nlu.engine",
            "Rasa has no model yet; `rapport nlu train --promote` makes one. Until then the embedded engine answers.",
        )
    return fine("nlu", f"Rasa is run by the gateway, with the model {served}.")


async def _rasa_state(url: str, answer: aiohttp.ClientResponse) -> Finding:
    if answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return mistake(
            "nlu.rasa_token", f"Rasa at {url} refuses nlu.rasa_token; it was started with another --auth-token."
        )
    if answer.status == HTTPStatus.CONFLICT:
        return mistake("nlu.rasa_url", f"Rasa at {url} has no model loaded; train one and start it with that.")
    try:
        state: object = await answer.json(content_type=None)
    except ValueError:
        state = None
    if answer.status != HTTPStatus.OK or not isinstance(state, dict) or "model_file" not in state:
        return mistake("nlu.rasa_url", f"{url} answers, but not as a Rasa server does (status {answer.status}).")
    return fine("nlu", f"Rasa at {url} answers.")


def _intents_of(domain: object) -> Sequence[str] | None:
    """Those of a model, by its domain: names, or objects with the name as their key. None: it is no domain."""
    said = cast("dict[str, object]", domain).get("intents") if isinstance(domain, dict) else None
    if not isinstance(said, list):
        return None
    names = [str(name) for each in cast("list[dict[str, object] | str]", said) for name in _names(each)]
    return [name for name in names if name not in BUILT_IN]


def _names(intent: dict[str, object] | str) -> Iterable[str]:
    return intent if isinstance(intent, dict) else (intent,)


def _our_intents(settings: Settings) -> Sequence[str]:
    """Those of the training data; none where that is wrong, which is said elsewhere."""
    folder = settings.nlu.training_data
    if folder is None or not training_files(folder):
        folder = OURS
    try:
        return read_training(folder).intents
    except (TrainingDataMistakes, OSError):
        return ()


def _rasa_model(url: str, known: Sequence[str] | None, ours: Sequence[str]) -> Finding | None:
    """What is odd about a model that knows these intents, where something is."""
    if known is None:
        return note("nlu.rasa_url", f"Rasa at {url} answers; which intents its model knows cannot be seen.")
    if not ours:
        return None
    strange = strangers(known, ours)
    if is_another(known, ours):
        return mistake(
            "nlu.rasa_url",
            f"Rasa at {url} has another model than ours: it knows {_some(strange)}, which are no intents here. "
            "Until it has one, the embedded engine answers.",
        )
    if strange:
        sentence = f"The model of Rasa at {url} is an old one: there is no {_some(strange)} any more."
        return note("nlu.rasa_url", f"{sentence} `rapport nlu train --promote` makes a new one.")
    missing = [intent for intent in ours if intent not in known and intent not in BUILT_IN]
    if missing:
        sentence = f"The model of Rasa at {url} does not know {_some(missing)}."
        return note("nlu.rasa_url", f"{sentence} `rapport nlu train --promote` makes a new one.")
    return None


def _some(names: Sequence[str]) -> str:
    """The first three, and how many more there are."""
    told = ", ".join(name[:MOST_OF_A_NAME] for name in names[:3])
    return f"{told} and {len(names) - 3} more" if len(names) > 3 else told


async def check_assistant(settings: Settings) -> Sequence[Finding]:
    """Whether the business's own assistant listens on its channel, and has a model (`/status`). It is told nothing."""
    assistant = settings.assistant
    url, channel = assistant.rasa_url, assistant.rasa_channel
    if assistant.engine != "rasa" or url is None:
        return []
    shown = assistant.webhook_token
    headers = {"Authorization": f"Bearer {shown.get_secret_value()}"} if shown else {}
    parameters = {"token": assistant.rasa_token.get_secret_value()} if assistant.rasa_token else {}
    try:
        async with aiohttp.ClientSession() as http:
            # Rasa's channels answer a GET at their root with {"status": "ok"}.
            async with http.get(f"{url}/webhooks/{channel}/", headers=headers, allow_redirects=False) as answer:
                listens = _channel_state(url, channel, answer.status, await _json(answer))
            if listens.level is Level.MISTAKE:
                return [listens]
            async with http.get(f"{url}/status", params=parameters, allow_redirects=False) as answer:
                return [listens, _model_state(url, answer.status)]
    except aiohttp.ClientError as exc:
        return [mistake("assistant.rasa_url", f"Rasa at {url} cannot be reached ({type(exc).__name__}).")]


def _channel_state(url: str, channel: str, status: int, answer: object) -> Finding:
    if status == HTTPStatus.OK and answer == {"status": "ok"}:
        return fine("assistant", f"The assistant at {url} listens on its channel {channel}.")
    if status == HTTPStatus.NOT_FOUND:
        sentence = f"Rasa at {url} has no channel {channel}; write `{channel}:` into its credentials.yml."
        return mistake("assistant.rasa_channel", sentence)
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return mistake("assistant.webhook_token", f"{url} does not let us in with assistant.webhook_token.")
    return mistake("assistant.rasa_url", f"{url} answers, but not as a channel of Rasa does (status {status}).")


def _model_state(url: str, status: int) -> Finding:
    if status == HTTPStatus.OK:
        return fine("assistant", f"The assistant at {url} has a model.")
    if status == HTTPStatus.CONFLICT:
        return mistake("assistant.rasa_url", f"Rasa at {url} has no model loaded; train one and start it with that.")
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        why = "it refuses assistant.rasa_token, the one it was started with as --auth-token"
    else:
        why = "it was started without --enable-api"
    return note("assistant.rasa_token", f"Whether Rasa at {url} has a model cannot be seen: {why}.")


async def _json(answer: aiohttp.ClientResponse) -> object:
    """None: it is none."""
    try:
        return await answer.json(content_type=None)
    except ValueError:
        return None
