"""The console's house: what the gateway gives the pages that agents and marketers work with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from channels.proxies import Proxies
from gateway.audience import Audience
from gateway.playbooks import Playbooks
from gateway.settings import Settings
from nlu.understanding import Language
from storage.commits import Commits, Transaction
from storage.database import Database
from web.console.house import House
from web.console.live import Live

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
) -> House:
    async def look(verb: Callable[[Transaction], R]) -> R:
        return await database.read_aside(lambda connection: verb(Transaction(connection=connection, now=clock())))

    async def glance(verb: Callable[[Transaction], R]) -> R:
        return await database.read(lambda connection: verb(Transaction(connection=connection, now=clock())))

    public, proxies = settings.server.public_url, Proxies(settings.server.trusted_proxies)
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
        show_typing=audience.agent_types,
        secure=public is not None and public.startswith("https:"),
    )
