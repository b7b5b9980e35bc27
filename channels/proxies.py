"""Proxies: who calls, and by which name, where a reverse proxy that we trust stands before us."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address

from aiohttp import web


class Proxies:
    """Networks whose X-Forwarded-For and X-Forwarded-Host we believe."""

    def __init__(self, networks: Sequence[IPv4Network | IPv6Network]) -> None:
        self._networks = tuple(networks)

    def client(self, request: web.Request) -> str:
        """The address that somebody calls from: behind trusted proxies the last hop that is not one of them.

        An IPv6 network of 64 bits belongs to one customer of a provider, so it counts as one address.
        """
        remote = request.remote or ""
        if self._is_proxy(remote):
            for hop in reversed(request.headers.get("X-Forwarded-For", "").split(",")):
                if hop.strip():
                    remote = hop.strip()
                if not self._is_proxy(remote):
                    break
        try:
            address = ip_address(remote)
        except ValueError:
            return remote[:64]
        if isinstance(address, IPv6Address):
            return str(address.ipv4_mapped or IPv6Address(int(address) >> 64 << 64))
        return str(address)

    def host(self, request: web.Request) -> str:
        """The name and port by which the caller knows us."""
        if self._is_proxy(request.remote or ""):
            return request.headers.get("X-Forwarded-Host", request.host)
        return request.host

    def _is_proxy(self, remote: str) -> bool:
        if not self._networks:
            return False
        try:
            address = ip_address(remote)
        except ValueError:
            return False
        return any(address in network for network in self._networks)
