"""The console's house: what the gateway gives the pages that agents and marketers work with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TypeVar

from aiohttp import web

from channels.protocol import Channel
from channels.proxies import Proxies
from gateway.audience import Audience
from gateway.blobs import Blobs
from gateway.learning import Learning
from gateway.playbooks import Playbooks
from gateway.settings import Settings
from gateway.settings_console import AFTER_LOGOUT, BACK, OpenId
from gateway.staff_alerts import StaffAlerts
from nlu.understanding import Language
from storage.commits import Commits, Transaction
from storage.database import Database
from web.console.house import House
from web.console.live import Live
from web.console.provider import OpenId as Used
from web.console.provider import Provider
from web.console.waiting import Waiting
from web.later import Later

R = TypeVar("R")


def house_of(
    settings: Settings,
    commits: Commits,
    database: Database,
    playbooks: Playbooks,
    clock: Callable[[], datetime],
    *,
    live: Live,
    audience: Audience,
    channels: Mapping[str, Channel],
    blobs: Blobs,
    staff_alerts: StaffAlerts,
) -> House:
    async def look(verb: Callable[[Transaction], R]) -> R:
        return await database.read_aside(lambda connection: verb(Transaction(connection=connection, now=clock())))

    async def glance(verb: Callable[[Transaction], R]) -> R:
        return await database.read(lambda connection: verb(Transaction(connection=connection, now=clock())))

    public, proxies = settings.server.public_url, Proxies(settings.server.trusted_proxies)
    waiting = Waiting(look, glance, clock)
    live.lists = waiting
    return House(
        do=commits.run,
        look=look,
        glance=glance,
        now=clock,
        client=proxies.client,
        host=proxies.host,
        business=lambda language: playbooks.playbook().policy.name[Language(language)],
        playbook=playbooks.playbook,
        mark=lambda: live.mark,
        company=audience.company,
        waiting=waiting,
        channel=channels.get,
        keep=lambda content, content_type: blobs.keep(content, content_type=content_type),
        blob=blobs.find,
        show_typing=audience.agent_types,
        channels=tuple(channels),
        staff_ways=staff_alerts,
        teaching=Learning(settings, commits, playbooks),
        secure=public is not None and public.startswith("https:"),
        openid=provider_of(settings.console.openid, public, clock),
    )


def provider_of(openid: OpenId, public: str | None, clock: Callable[[], datetime]) -> Provider | None:
    """The business's own login; None: there is none."""
    if openid.issuer is None or public is None:
        return None
    return Provider(
        Used(
            issuer=openid.issuer,
            client_id=openid.client_id,
            client_secret=openid.secret,
            name=openid.name,
            scopes=openid.scopes,
            returns_to=f"{public}{BACK}",
            after_logout=f"{public}{AFTER_LOGOUT}",
            roles_claim=openid.roles_claim,
            roles=openid.roles,
            creates=openid.newcomers == "created",
            trusts_second_factor=openid.second_factor == "provider",
        ),
        clock,
    )


def parts_of(house: House, live: Live) -> list[Later]:
    """What staff, programs and people with a link to their own data use: loaded when the first of them comes."""

    def console() -> Iterable[web.AbstractRouteDef]:
        from web.console.routes import console_routes

        return console_routes(house, live)

    def interface() -> Iterable[web.AbstractRouteDef]:
        from web.api.routes import api_routes

        return api_routes(house)

    def own_data() -> Iterable[web.AbstractRouteDef]:
        from web import own_data

        return own_data.routes(house)

    return [Later("/console", console), Later("/api", interface), Later("/my-data", own_data)]
