"""The turnstile: who tries passwords or codes is let through one try after the other.

A try is counted when it has failed, and a password takes 50 ms to look at: of a thousand that came at the same moment,
each would be looked at before the first had counted.
"""

from __future__ import annotations

from asyncio import Lock
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from weakref import WeakValueDictionary

_at_it: WeakValueDictionary[str, Lock] = WeakValueDictionary()


@asynccontextmanager
async def one_by_one(*, client: str, account: str) -> AsyncGenerator[None]:
    """Nobody else of this client or this account tries meanwhile, in this process."""
    async with AsyncExitStack() as held:
        # Everybody waits for the client first and the account then, so that no two wait for each other.
        for name in (f"client:{client}", f"account:{account.strip().lower()}"):
            await held.enter_async_context(_at_it.setdefault(name, Lock()))
        yield
