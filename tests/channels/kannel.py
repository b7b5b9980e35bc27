"""A real Kannel, as Debian packages it, on loopback ports and without root."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.given import missing
from tests.ports import free_port, listens
from tests.waiting import until

USER: Final = "rapport"
PASSWORD: Final = "loopback-password"
NUMBER: Final = "10690"
EXTRAS: Final = Path("/usr/lib/kannel/test")

_CONFIGURATION: Final = """
group = core
admin-port = {admin}
admin-interface = 127.0.0.1
admin-password = bar
smsbox-port = {smsbox}
smsbox-interface = 127.0.0.1
box-allow-ip = "127.0.0.1"
log-file = "{folder}/bearerbox.log"
log-level = 0
dlr-storage = internal
sms-combine-concatenated-mo = {joins}

group = smsbox
bearerbox-host = 127.0.0.1
bearerbox-port = {smsbox}
sendsms-port = {sendsms}
sendsms-interface = 127.0.0.1
log-file = "{folder}/smsbox.log"
log-level = 0
http-request-retry = 5
http-queue-delay = 1

group = sendsms-user
username = {user}
password = {password}
concatenation = true
max-messages = 10

group = sms-service
keyword = default
catch-all = true
max-messages = 0
get-url = "{inbound}?id=%I&sender=%p&to=%P&ts=%T&coding=%c&charset=%C&udh=%u&message=%b"

{link}
"""

FAKE_LINK: Final = """
group = smsc
smsc = fake
smsc-id = fake
host = 127.0.0.1
port = {port}
connect-allow-ip = 127.0.0.1
"""

SMPP_LINK: Final = """
group = smsc
smsc = smpp
smsc-id = smpp
host = 127.0.0.1
port = {port}
transceiver-mode = true
smsc-username = foo
smsc-password = bar
system-type = VMA
address-range = ""
source-addr-autodetect = true
reconnect-delay = 1
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Kannel:
    """One that runs."""

    sendsms: str
    """Address of smsbox."""
    folder: Path
    """Of its logs."""


def needed(*more: Path) -> None:
    """Skip, or fail where all is required, on a machine without Kannel."""
    if shutil.which("bearerbox", path="/usr/sbin:/usr/bin") is None or any(not each.exists() for each in more):
        missing("Kannel is not installed: apt-get install kannel kannel-extras")


@asynccontextmanager
async def kannel(folder: Path, inbound: str, link: str, *, joins: bool = True) -> AsyncGenerator[Kannel]:
    """A Kannel that tells `inbound` of each text; `link` is how it reaches its operator."""
    admin, smsbox, sendsms = free_port(), free_port(), free_port()
    configuration = folder / "kannel.conf"
    configuration.write_text(
        _CONFIGURATION.format(
            admin=admin,
            smsbox=smsbox,
            sendsms=sendsms,
            folder=folder,
            user=USER,
            password=PASSWORD,
            inbound=inbound,
            link=link,
            joins="true" if joins else "false",
        )
    )
    bearer = await _started("bearerbox", configuration)
    try:
        await until(lambda: listens(smsbox))
        box = await _started("smsbox", configuration)
        try:
            await until(lambda: listens(sendsms))
            await until(lambda: _connected(folder))
            yield Kannel(sendsms=f"http://127.0.0.1:{sendsms}", folder=folder)
        finally:
            await _ended(box)
    finally:
        await _ended(bearer)


async def _started(program: str, configuration: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        f"/usr/sbin/{program}",
        str(configuration),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        cwd=configuration.parent,
    )


async def _ended(process: asyncio.subprocess.Process) -> None:
    """Kannel takes its time to say good-bye; a test has seen all that it wanted."""
    if process.returncode is None:
        process.kill()
    await process.wait()


def _connected(folder: Path) -> bool:
    """Whether bearerbox would give smsbox a message."""
    return "bb_boxc.c:boxc_sender" in _log(folder, "bearerbox")


def _log(folder: Path, box: str) -> str:
    log = folder / f"{box}.log"
    return log.read_text("utf-8", "replace") if log.exists() else ""
