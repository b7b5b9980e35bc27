"""A loopback server that answers `/model/parse` as Rasa 3.6 does, and misbehaves on request."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.test_utils import TestServer

TOKEN = "a-token"


def answer(text: str) -> dict[str, object]:
    """What Rasa says to a text, in its own shape."""
    ranking = [
        {"name": "refund_request", "confidence": 0.9213},
        {"name": "return_request", "confidence": 0.0431},
        {"name": "thank", "confidence": 0.0102},
        {"name": "greet", "confidence": 0.0011},
    ]
    start = text.find("Longjing")
    entities = [
        {
            "entity": "product",
            "start": start,
            "end": start + 8,
            "confidence_entity": 0.99,
            "value": "Longjing",
            "extractor": "DIETClassifier",
            "processors": ["EntitySynonymMapper"],
        }
    ]
    return {
        "text": text,
        "intent": ranking[0],
        "entities": entities if start >= 0 else [],
        "text_tokens": [[0, len(text)]],
        "intent_ranking": ranking,
        "response_selector": {"all_retrieval_intents": [], "default": {"response": {"responses": None}}},
    }


class FakeRasa:
    """Serves one behaviour at a time: a body to send as it stands, a status, or no answer at all."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.body: bytes | None = None
        self.status = 200
        self.silent = False
        self.released = asyncio.Event()
        self.url = ""

    async def parse(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("token") != TOKEN:
            return web.json_response({"reason": "NotAuthenticated"}, status=401)
        text = str(json.loads(await request.read())["text"])
        self.asked.append(text)
        if self.silent:
            await self.released.wait()
        if self.body is not None:
            return web.Response(body=self.body, status=self.status, content_type="application/json")
        return web.json_response(answer(text), status=self.status)


@asynccontextmanager
async def running() -> AsyncGenerator[FakeRasa]:
    rasa = FakeRasa()
    application = web.Application()
    application.router.add_post("/model/parse", rasa.parse)
    async with TestServer(application) as server:
        rasa.url = str(server.make_url(""))
        try:
            yield rasa
        finally:
            rasa.released.set()
