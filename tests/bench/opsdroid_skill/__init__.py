"""The small talk of our customers, answered by opsdroid; what it needs to remember is in its database.

Runs inside opsdroid's own environment, which has nothing of ours.
"""

from __future__ import annotations

from typing import Any

from opsdroid.matchers import match_regex  # pyright: ignore[reportMissingImports]
from opsdroid.skill import Skill  # pyright: ignore[reportMissingImports]


class SmallTalk(Skill):  # pyright: ignore[reportUntypedBaseClass]
    """One read and one write of memory a message: how often this customer wrote, and what they said last."""

    @match_regex(r"^(hello|good morning|你好)$", case_sensitive=False)
    async def greet(self, message: Any) -> None:
        await self._answer(message, "Hello! How can I help you?")

    @match_regex(r"^(thank you|谢谢你)$", case_sensitive=False)
    async def welcome(self, message: Any) -> None:
        await self._answer(message, "You are welcome.")

    @match_regex(r"^how are you\?$", case_sensitive=False)
    async def fine(self, message: Any) -> None:
        await self._answer(message, "Very well, thank you. What can I do for you?")

    @match_regex(r"^are you a robot\?$", case_sensitive=False)
    async def robot(self, message: Any) -> None:
        await self._answer(message, "Yes, I am the shop's assistant.")

    @match_regex(r"^bye$", case_sensitive=False)
    async def farewell(self, message: Any) -> None:
        await self._answer(message, "Goodbye!")

    async def _answer(self, message: Any, text: str) -> None:
        known = await self.opsdroid.memory.get(message.user)
        turns = known["turns"] + 1 if known else 1
        await self.opsdroid.memory.put(message.user, {"turns": turns, "last": message.text})
        await message.respond(text)
