"""Outward: where requests that somebody else has addressed may go. Not to this machine, nor into its neighbourhood.

An address is looked at after its name was resolved, and the connection goes to that very address, so that a name which
means another one a moment later leads nowhere else (OWASP: server-side request forgery).
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from aiohttp import TCPConnector, ThreadedResolver
from aiohttp.abc import AbstractResolver, ResolveResult

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

_TRANSLATED = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"))
"""IPv4 within IPv6, for whoever has a translator (RFC 6052, RFC 8215)."""
_SIX_TO_FOUR = ip_network("2002::/16")
_NOT_OF_THE_INTERNET = tuple(
    ip_network(network) for network in ("192.0.0.0/24", "192.88.99.0/24", "fec0::/10", "3fff::/20")
)
"""What Python takes for global, at least in some versions of ours: addresses of protocols (a cloud tells its machines'
secrets at 192.0.0.192), relays of 6to4, site-local addresses, which networks still have, and documentation."""


class Inside(OSError):
    """It leads to an address that is not the internet's."""


class Outward:
    """Which addresses may be connected to."""

    def __init__(self, allowed: Sequence[Network] = ()) -> None:
        """`allowed`: networks of the business's own that may be reached all the same."""
        self._allowed = tuple(allowed)

    def permits(self, host: str) -> bool:
        """`host`: an address, not a name."""
        address = ip_address(host.partition("%")[0])
        address = _meant(address)
        return _is_of_the_internet(address) or any(address in network for network in self._allowed)

    def refuses(self, url: str) -> str | None:
        """Why this address is not even tried; None: it is, and what its name leads to is looked at then."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        try:
            literal = ip_address(host)
        except ValueError:
            literal = None
        if literal is not None and not self.permits(host):
            return str(Inside(f"{host} is no address of the internet; server settings may allow its network"))
        if parts.scheme != "https" and not self._allowed:
            return "only https:// is sent to, but in networks that the settings allow"
        return None

    def check(self, host: str) -> None:
        """Raises Inside."""
        if not self.permits(host):
            raise Inside(f"its name leads to {host}, which is no address of the internet")


def guarded_connector(outward: Outward) -> TCPConnector:
    """Connects to permitted addresses alone; every one is looked at once more when its socket is made."""

    def make(info: tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int]]) -> socket.socket:
        family, kind, protocol, _, address = info
        outward.check(address[0])
        return socket.socket(family, kind, protocol)

    return TCPConnector(
        resolver=_Resolver(outward), use_dns_cache=False, socket_factory=make, limit=32, limit_per_host=4
    )


class _Resolver(AbstractResolver):
    """Names of strangers: one that leads inside anywhere leads nowhere."""

    def __init__(self, outward: Outward) -> None:
        self._outward = outward
        self._system = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._system.resolve(host, port, family)
        for each in found:
            self._outward.check(each["host"])
        return found

    async def close(self) -> None:
        await self._system.close()


def refused(error: BaseException) -> str | None:
    """What was said of an address that was not connected to, wherever it is told in a chain of errors."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, Inside):
            return str(seen)
        seen = seen.__cause__ or seen.__context__
    return None


def _is_of_the_internet(address: Address) -> bool:
    special = address.is_multicast or address.is_reserved or address.is_unspecified
    return address.is_global and not special and not any(address in network for network in _NOT_OF_THE_INTERNET)


def _meant(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for; itself, where it stands for none."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if any(address in network for network in _TRANSLATED):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    if address in _SIX_TO_FOUR:
        return IPv4Address(int(address) >> 80 & 0xFFFFFFFF)
    return address
