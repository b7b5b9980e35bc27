"""Settings: `rapport.toml` < environment `RAPPORT_*` < command line; every mistake explained in one sentence.

A key such as `telegram.token` is `[telegram] token` in the file and `RAPPORT_TELEGRAM__TOKEN` in the environment. A
secret may also stand in a file of its own, named by `RAPPORT_TELEGRAM__TOKEN_FILE`, as container secrets do.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Literal, get_args

from pydantic import BaseModel, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict
from sqlalchemy import URL, make_url

from channels.webchat.settings import UPLOAD_TYPES
from gateway import settings_alerts, settings_assistant, settings_console, settings_mail, settings_sms
from gateway.sections import Section
from gateway.settings_alerts import Alerts
from gateway.settings_assistant import Assistant
from gateway.settings_console import Console
from gateway.settings_mail import Mail
from gateway.settings_retention import Retention
from gateway.settings_sms import Number
from gateway.settings_sources import PREFIX, Mistake, SettingsMistakes, Sources, nearest
from gateway.settings_values import (
    BotToken,
    DatabaseUrl,
    HttpUrl,
    Networks,
    Origins,
    Seconds,
    UploadTypes,
    WebhookSecret,
)

FILE = "rapport.toml"


class Role(StrEnum):
    """Which work a process does."""

    ALL = "all"  # everything: the usual way on one machine
    WEB = "web"  # takes requests and holds visitors' connections
    WORKER = "worker"  # handles conversations, sends, polls, ticks


class Server(Section):
    """`[server]`: where Rapport listens."""

    host: str = Field(default="127.0.0.1", min_length=1, description="the address to listen on; 0.0.0.0 for all")
    port: int = Field(default=8080, ge=0, le=65_535, description="a port from 1 to 65535, or 0 for any that is free")
    public_url: HttpUrl | None = Field(
        default=None, description="how the world reaches this server, such as https://chat.example.com"
    )
    role: Role = Field(default=Role.ALL, description="all, web or worker")
    trusted_proxies: Networks = Field(
        default=(), description="networks of reverse proxies, such as 127.0.0.1/32, whose X-Forwarded-For we believe"
    )


class Database(Section):
    """`[database]`: where everything is kept."""

    url: DatabaseUrl | None = Field(
        default=None, description="sqlite:///… or postgresql+psycopg://…; left out, a SQLite file in data_dir"
    )
    password: SecretStr | None = Field(
        default=None, description="PostgreSQL's password, where it is not in the address"
    )


class Nlu(Section):
    """`[nlu]`: who understands."""

    engine: Literal["embedded", "semantic", "rasa"] = Field(
        default="embedded", description="embedded, semantic or rasa"
    )
    rasa_url: HttpUrl | None = Field(
        default=None,
        description="address of a Rasa server, such as http://localhost:5005; left out, Rapport runs one of its own",
    )
    rasa_token: SecretStr | None = Field(
        default=None, description="what the Rasa server was started with as --auth-token"
    )
    timeout: Seconds = Field(
        default=1.0, description="seconds after which the embedded engine answers instead of Rasa or the encoder"
    )
    breaker_failures: int = Field(
        default=5, ge=1, le=1000, description="failures in a row after which Rasa gets a rest"
    )
    breaker_pause: Seconds = Field(default=10.0, description="seconds of that rest")
    training_data: Path | None = Field(
        default=None,
        description="folder of your own training files, which reviewed messages are added to; begun as a copy of ours",
    )


class WebChat(Section):
    """`[webchat]`: the chat window on the business's pages."""

    enabled: bool = Field(default=True, description="true or false")
    allowed_origins: Origins = Field(
        default=(),
        description="sites that may embed the chat, such as https://www.example.com; none: this server alone",
    )
    identity_key: SecretStr | None = Field(
        default=None,
        min_length=32,
        description="at least 32 characters, shared with the shop that signs who its visitors are",
    )
    text_max_characters: int = Field(
        default=20_000, ge=100, le=100_000, description="characters a message may have, 100 to 100000"
    )
    upload_max_bytes: int = Field(
        default=10_485_760, ge=0, le=104_857_600, description="bytes a file may have, up to 104857600; 0 for no files"
    )
    upload_types: UploadTypes = Field(default=UPLOAD_TYPES, description="kinds of files that visitors may send")
    visitor_per_second: float = Field(default=2.0, gt=0, description="messages a second that one visitor may keep up")
    visitor_burst: int = Field(default=20, ge=1, description="messages that one visitor may send at once")
    client_per_second: float = Field(
        default=20.0, gt=0, description="the same for one network address, which many share"
    )
    client_burst: int = Field(default=200, ge=1, description="messages from one network address at once")


class Telegram(Section):
    """`[telegram]`: our bot there; without a token there is none."""

    token: BotToken | None = Field(default=None, description="the bot's token, from @BotFather")
    webhook: bool = Field(default=False, description="true: Telegram calls server.public_url; false: we ask Telegram")
    webhook_secret: WebhookSecret | None = Field(default=None, description="what Telegram must show at each call")
    api_base: HttpUrl = Field(default="https://api.telegram.org", description="address of the Bot API")


class Conversation(Section):
    """`[conversation]`: how a conversation breathes."""

    idle_hours: float = Field(default=24.0, gt=0, le=8760, description="hours of silence that close a conversation")
    parts_minutes: float = Field(
        default=10.0, gt=0, le=1440, description="minutes to wait for the missing parts of a long text message"
    )


class Sending(Section):
    """`[sending]`: how often and how long we try."""

    attempts: int = Field(default=8, ge=1, le=100, description="tries a message gets")
    backoff_seconds: Seconds = Field(
        default=2.0, description="seconds before the second try; each wait is about twice the last"
    )
    backoff_max_seconds: Seconds = Field(default=300.0, description="the longest wait between two tries, in seconds")
    deadline_minutes: float = Field(
        default=60.0, gt=0, le=10_080, description="minutes after which a reply is too late to be sent"
    )


class Orders(Section):
    """`[orders]`: the business's own system, asked for orders that were not imported."""

    endpoint: HttpUrl | None = Field(
        default=None, description="address that answers GET ?number=… with the order as JSON"
    )
    token: SecretStr | None = Field(default=None, description="sent as Authorization: Bearer …")
    timeout: Seconds = Field(default=2.0, description="seconds to wait for its answer")


class Webhooks(Section):
    """`[webhooks]`: where events may be told; which endpoints there are is set in the console."""

    allowed_networks: Networks = Field(
        default=(),
        description="networks of your own, such as 10.0.0.0/8, whose addresses may be told; else the internet's alone",
    )


class Logs(Section):
    """`[logs]`: what an operator reads."""

    format: Literal["console", "json"] = Field(default="console", description="console or json")
    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="debug, info, warning or error"
    )


class Settings(BaseSettings):
    """All of it, valid. Build it with `load`."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True)

    data_dir: Path = Field(default=Path("data"), description="folder for everything that Rapport writes")
    playbook: Path = Field(
        default=Path("playbook"), description="folder of the business's wording, policies and knowledge"
    )
    server: Server = Server()
    database: Database = Database()
    nlu: Nlu = Nlu()
    assistant: Assistant = Assistant()
    webchat: WebChat = WebChat()
    telegram: Telegram = Telegram()
    mail: tuple[Mail, ...] = Field(default=(), description="tables of their own, each under [[mail]]")
    sms: tuple[Number, ...] = Field(default=(), description="tables of their own, each under [[sms]]")
    conversation: Conversation = Conversation()
    sending: Sending = Sending()
    orders: Orders = Orders()
    alerts: Alerts = Alerts()
    console: Console = Console()
    webhooks: Webhooks = Webhooks()
    logs: Logs = Logs()
    retention: Retention = Retention()

    @property
    def database_url(self) -> URL:
        """Where the database is, password included; SQLAlchemy hides it when the URL is printed."""
        if self.database.url is None:
            return URL.create("sqlite", database=str(self.data_dir / "rapport.sqlite3"))
        url = make_url(self.database.url.get_secret_value())
        if url.drivername == "postgresql":
            url = url.set(drivername="postgresql+psycopg")
        return url.set(password=self.database.password.get_secret_value()) if self.database.password else url

    @property
    def embedded(self) -> bool:
        """Whether the database is a file that one process owns."""
        return self.database_url.drivername == "sqlite"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what is handed in counts: `load` merges the sources, and a test sees no environment by accident."""
        return (init_settings,)


def load(path: Path | None = None, overrides: Mapping[str, object] | None = None) -> Settings:
    """Read the file, the environment and the overrides, weakest first.

    Without a path it is the file that RAPPORT_SETTINGS names, else `rapport.toml`, which may be absent.
    Overrides are dotted keys, `{"server.port": 9000}`; None means not given. Raises SettingsMistakes with all of them.
    """
    known = {key: is_secret(key) for key in keys()}
    path = path or named_path()
    sources = Sources.read(path or Path(FILE), overrides or {}, known, required=path is not None)
    if sources.mistakes:
        raise SettingsMistakes(sources.mistakes)
    try:
        settings = _merge(sources)
    except ValidationError as exc:
        explained = (sources.named(_explain(error, sources)) for error in exc.errors(include_url=False))
        # Of alternatives (IPv4 or IPv6) each has its error; a person needs one sentence a key.
        raise SettingsMistakes(list({each.key: each for each in explained}.values())) from None
    if mistakes := [sources.named(replace(each, where=sources.origin(each.key))) for each in contradictions(settings)]:
        raise SettingsMistakes(mistakes)
    return settings


def named_path() -> Path | None:
    """The file that `RAPPORT_SETTINGS` names."""
    name = os.environ.get(f"{PREFIX}SETTINGS")
    return Path(name) if name else None


def contradictions(settings: Settings) -> Iterable[Mistake]:
    """Values that are right each by itself and wrong together."""
    telegram, public_url = settings.telegram, settings.server.public_url
    if telegram.webhook:
        if telegram.token is None:
            yield Mistake(key="telegram.webhook", what="is on without a bot", right="set telegram.token as well")
        if telegram.webhook_secret is None:
            yield Mistake(
                key="telegram.webhook_secret",
                what="is missing, and a webhook without one is open to anybody",
                right="set 16 to 256 letters, digits, - and _; `openssl rand -hex 32` makes a good one",
            )
        if public_url is None or not public_url.startswith("https://"):
            yield Mistake(
                key="server.public_url",
                what="is not an https address, and Telegram calls no other",
                right="set the address that the world sees, or telegram.webhook = false",
            )
    yield from settings_mail.contradictions(settings.mail)
    yield from settings_assistant.contradictions(settings.assistant)
    yield from settings_alerts.contradictions(settings.alerts, settings.mail)
    yield from settings_console.contradictions(settings.console, public_url)
    yield from settings_sms.contradictions(settings.sms, (mail.name for mail in settings.mail))
    if settings.server.role is not Role.ALL and settings.embedded:
        yield Mistake(
            key="server.role",
            what=f"is {settings.server.role} on a SQLite file, which one process owns",
            right="use all, or PostgreSQL as database.url",
        )
    if settings.database.password is not None and settings.embedded:
        yield Mistake(
            key="database.password",
            what="is set for a SQLite file, which has none",
            right="leave it out, or set database.url to PostgreSQL",
        )
    if settings.sending.backoff_max_seconds < settings.sending.backoff_seconds:
        yield Mistake(
            key="sending.backoff_max_seconds",
            what="is shorter than sending.backoff_seconds",
            right="make it the longest wait between two tries",
        )


def _merge(sources: Sources) -> Settings:
    strongest_first = (sources.overrides, sources.environment, sources.file)
    given = tuple(InitSettingsSource(Settings, init_kwargs=dict(each)) for each in strongest_first)
    return Settings(_build_sources=(given, {}))  # pyright: ignore[reportCallIssue]  # it is a parameter of BaseSettings


def keys() -> Mapping[str, FieldInfo]:
    """Every key there is once, dotted; tables of which there may be several are the file's alone."""
    return _keys_of(Settings)


def _keys_of(table: type[BaseModel], above: str = "") -> dict[str, FieldInfo]:
    found: dict[str, FieldInfo] = {}
    for name, field in table.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            found |= _keys_of(field.annotation, f"{above}{name}.")
        elif table_in(field) is None:
            found[f"{above}{name}"] = field
    return found


def is_secret(key: str) -> bool:
    """Whether a key's value must never be shown."""
    return "SecretStr" in str(keys()[key].annotation)


def _explain(error: ErrorDetails, sources: Sources) -> Mistake:
    """A validator's error, in a sentence; the value itself is shown only where it is no secret."""
    field, depth = _field_at(error["loc"])
    key = ".".join(str(part) for part in error["loc"][:depth])
    if field is None:
        section = key.rpartition(".")[0] or key
        table = section.split(".", maxsplit=1)[0]
        what = "is not a setting" if error["type"] == "extra_forbidden" else "is not a table of settings"
        right = (
            nearest(key, [*keys(), *_beside(error["loc"][:depth])])
            if what == "is not a setting"
            else f"write its keys under [{section}]"
        )
        return Mistake(key=key, what=what, right=right, where=sources.origin(key) or sources.origin(table))
    if error["type"] == "mistake":
        what, right = error["ctx"]["what"], error["ctx"]["right"]  # pyright: ignore[reportTypedDictNotRequiredAccess]
    elif error["type"] == "missing":
        what, right = "is missing", f"it should be {field.description}"
    else:
        what = "does not fit" if _holds_secrets(field) else f"is {_shown(error['input'])}"
        right = f"it should be {field.description}"
    return Mistake(key=key, what=what, right=right, where=sources.origin(key) or sources.origin(key.split(".")[0]))


def _field_at(location: tuple[int | str, ...]) -> tuple[FieldInfo | None, int]:
    """The setting that an error is about, and how many parts of its location name it; None for what is no setting."""
    model: type[BaseModel] | None = Settings
    field: FieldInfo | None = None
    named = 0
    for depth, part in enumerate(location, 1):
        if model is None:  # one of several values, or of alternatives
            break
        if isinstance(part, str):  # a number is one of several tables
            field, named = model.model_fields.get(part), depth
            model = table_in(field) if field is not None else None
    return (field if field is not None and field.description else None), named


def _beside(location: tuple[int | str, ...]) -> Sequence[str]:
    """The keys of the table in which somebody wrote one that it has not."""
    model: type[BaseModel] | None = Settings
    for part in location[:-1]:
        if isinstance(part, str) and model is not None:
            field = model.model_fields.get(part)
            model = table_in(field) if field is not None else None
    above = "".join(f"{part}." for part in location[:-1])
    return [f"{above}{name}" for name in (model.model_fields if model is not None else ())]


def table_in(field: FieldInfo) -> type[BaseModel] | None:
    """The table that a key holds, alone, perhaps, or several times."""
    candidates = (field.annotation, *get_args(field.annotation))
    return next((each for each in candidates if isinstance(each, type) and issubclass(each, BaseModel)), None)


def _holds_secrets(field: FieldInfo) -> bool:
    return "SecretStr" in str(field.annotation) or table_in(field) is not None


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
