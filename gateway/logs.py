"""Logs: what happened, for operators; never what anybody wrote, and never a secret.

Write `log.info("delivery_sent", channel=…, delivery=…)`: an event in snake case and facts by name. Facts are numbers,
ids, names of ours, times and reasons. Whatever could hold a customer's words or a credential is refused by its name
(an error in tests, masked in production), and a value that is no plain fact shows its type alone.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import Mapping, MutableMapping, Sequence
from datetime import date, datetime, timedelta
from enum import Enum
from pathlib import PurePath
from typing import Any, Final, Protocol, cast

import orjson
import structlog
from structlog.typing import EventDict, Processor

from gateway.settings import Logs

REFUSED: Final = re.compile(r"(^|_)(text|body|token|secret|authorization|password|raw|words|subject|cookie|key)$")
"""Names of facts that do not belong in a log. `key` stands for credentials; an idempotency key is a `delivery`."""

MASKED: Final = "***"
LONGEST: Final = 300
"""Characters of a value; a fact is short."""

OURS: Final = ("bot", "campaigns", "channels", "gateway", "insight", "nlu", "storage", "web")
"""Packages whose loggers follow the setting, and whose exceptions promise to hold no texts."""

_SECRETS: Final = re.compile(
    r"(?<!\d)\d{5,20}:[A-Za-z0-9_-]{30,}"  # a Telegram bot's token, part of every address we call there
    r"|(?<=://)[^/\s:@]*:[^/\s@]+(?=@)"  # user:password@ of an address
    r"|(?i:bearer\s+)\S+"
)
_SAFE_EXCEPTIONS: Final = (OSError, TimeoutError, ImportError)
"""Their messages speak of machines and modules. Others may quote what they choked on."""


class WordsInLog(Exception):
    """A log line was about to hold a customer's words or a secret; raised in tests only."""


class Stream(Protocol):
    """Where lines go."""

    def write(self, line: str, /) -> object: ...
    def flush(self) -> object: ...


def configure(settings: Logs, *, stream: Stream | None = None, strict: bool = False) -> None:
    """Send our log lines and the libraries' warnings to `stream` (standard error), in the format of the settings.

    `strict`: refused facts raise WordsInLog instead of being masked.
    """
    stream = stream or _StandardError()
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        tell_exceptions,
        _Facts(strict=strict),
    ]
    renderer = _renderer(settings)
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=cast("Any", stream)),
        cache_logger_on_first_use=not strict,
    )
    _configure_libraries(stream, shared, renderer, level)


def _renderer(settings: Logs) -> Processor:
    if settings.format == "json":
        return structlog.processors.JSONRenderer(serializer=_to_json)
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), sort_keys=False)


def _configure_libraries(stream: Stream, shared: Sequence[Processor], renderer: Processor, level: int) -> None:
    """Libraries speak through `logging`: warnings of theirs join our lines, in our format."""
    handler = logging.StreamHandler(cast("Any", stream))
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    for old in [each for each in root.handlers if isinstance(each.formatter, structlog.stdlib.ProcessorFormatter)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    # It warns of every tick that is still at work when the next one is due, which is meant to be left out.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    for package in OURS:
        logging.getLogger(package).setLevel(level)


class _Facts:
    """Lets facts through, and nothing else."""

    def __init__(self, *, strict: bool) -> None:
        self._strict = strict

    def __call__(self, _logger: object, _method: str, event: EventDict) -> EventDict:
        for name, value in event.items():
            if name in ("exception", "_record", "_from_structlog"):
                continue
            if REFUSED.search(name):
                self._refuse(name)
                event[name] = MASKED
            elif not isinstance(value, int | float | bool | None):
                event[name] = self._fact(value)
        return event

    def _fact(self, value: object) -> object:
        match value:
            case None | bool() | int() | float():
                return value
            case Enum():
                return self._fact(cast("object", value.value))
            case str():
                return _short(_SECRETS.sub(MASKED, value))
            case datetime() | date():
                return value.isoformat()
            case timedelta():
                return value.total_seconds()
            case PurePath():
                return _short(str(value))
            case Mapping():
                return self._table(cast("Mapping[object, object]", value))
            case list() | tuple() | set() | frozenset():
                return [self._fact(each) for each in list(cast("Sequence[object]", value))[:20]]
            case BaseException() | type():
                return value.__name__ if isinstance(value, type) else type(value).__name__
            case _:
                return f"<{type(value).__name__}>"

    def _table(self, table: Mapping[object, object]) -> dict[str, object]:
        facts: dict[str, object] = {}
        for name, value in table.items():
            if REFUSED.search(str(name)):
                self._refuse(str(name))
                facts[str(name)] = MASKED
            else:
                facts[str(name)] = self._fact(value)
        return facts

    def _refuse(self, name: str) -> None:
        if self._strict:
            raise WordsInLog(f"{name!r} does not belong in a log: give an id, a size or a reason instead")


def tell_exceptions(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """`exc_info` becomes `exception`: types, places, and messages only of exceptions that are known to quote nobody."""
    given: object = event.pop("exc_info", None)
    if isinstance(given, tuple):
        given = cast("tuple[object, ...]", given)[1]
    error = sys.exc_info()[1] if given is True else given
    if isinstance(error, BaseException):
        event["exception"] = _told(error)
    return event


def _told(error: BaseException) -> str:
    parts: list[str] = []
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        frames = traceback.extract_tb(current.__traceback__)[-12:]
        places = "".join(f"\n  {_place(frame.filename)}:{frame.lineno} in {frame.name}" for frame in frames)
        parts.append(f"{_named(current)}{places}")
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return "\ncaused by ".join(parts)


def _named(error: BaseException) -> str:
    name = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    quotes_nobody = isinstance(error, _SAFE_EXCEPTIONS) or type(error).__module__.split(".")[0] in OURS
    message = _short(_SECRETS.sub(MASKED, str(error))) if quotes_nobody else ""
    return f"{name}: {message}" if message else name


def _place(filename: str) -> str:
    return "/".join(PurePath(filename).parts[-2:])


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text)} characters)"


def _to_json(event: object, **_options: object) -> str:
    return orjson.dumps(event, default=str).decode()


class _StandardError:
    """Standard error as it is at each line: who redirects it later (tests, a supervisor) gets the lines too."""

    def write(self, line: str, /) -> object:
        return sys.stderr.write(line)

    def flush(self) -> object:
        return sys.stderr.flush()
