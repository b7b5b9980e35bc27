"""Which assistant answers: our own engine, or one that the business has already."""

from __future__ import annotations

from contextlib import AsyncExitStack

from gateway.metrics import Metrics
from gateway.rasa_answers import Bounds
from gateway.rasa_assistant import RasaAssistant, RasaAssistantSettings
from gateway.settings_assistant import Assistant
from storage import keys
from storage.commits import Commits


async def own_assistant(
    assistant: Assistant, commits: Commits, metrics: Metrics, stack: AsyncExitStack
) -> RasaAssistant | None:
    """The assistant of the settings; `stack` closes it. None: our own engine answers."""
    if assistant.engine == "rapport" or assistant.rasa_url is None:
        return None
    made = RasaAssistant(
        settings_of(assistant, assistant.rasa_url),
        key=await commits.run(lambda transaction: keys.find_or_make(transaction.connection, "assistant")),
        took=metrics.assistant_took,
        failed=metrics.assistant_failed,
    )
    stack.push_async_callback(made.close)
    return made


def settings_of(assistant: Assistant, url: str) -> RasaAssistantSettings:
    return RasaAssistantSettings(
        url=url,
        channel=assistant.rasa_channel,
        webhook_token=assistant.webhook_token.get_secret_value() if assistant.webhook_token else None,
        timeout=assistant.timeout,
        connections=assistant.connections,
        breaker_failures=assistant.breaker_failures,
        breaker_pause=assistant.breaker_pause,
        question_characters=assistant.most_question_characters,
        answer_bytes=assistant.most_answer_bytes,
        bounds=Bounds(
            messages=assistant.most_messages,
            characters=assistant.most_characters,
            buttons=assistant.most_buttons,
            custom_bytes=assistant.most_custom_bytes,
        ),
    )
