"""A bare aiohttp handler: JSON in, JSON out, nothing remembered. What any Python server pays before it does anything.

python -m tests.bench.bare
"""

from __future__ import annotations

import asyncio

import orjson
import uvloop
from aiohttp import web


async def talk(request: web.Request) -> web.Response:
    said = orjson.loads(await request.read())["text"]
    return web.Response(body=orjson.dumps({"text": f"You said: {said}"}), content_type="application/json")


async def serve() -> None:
    app = web.Application()
    app.router.add_post("/talk", talk)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"ready http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
        loop.run(serve())
