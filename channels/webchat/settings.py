"""What a business may set about its web chat, with the values that suit a small shop."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network

SECRET_BYTES = 32
"""The shortest key that is worth signing with (RFC 2104 advises the hash's own length: 32 bytes for SHA-256)."""

UPLOAD_TYPES = (
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "application/pdf",
    "text/plain",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rate:
    """How often something may happen: `burst` times at once, then `per_second` (infinity: no limit)."""

    per_second: float
    burst: int

    def __post_init__(self) -> None:
        if not self.per_second > 0 or self.burst < 1:
            raise ValueError("a rate needs per_second above 0 and a burst of at least 1")


@dataclass(frozen=True, kw_only=True, slots=True)
class WebChatSettings:
    """One web chat. Raises ValueError, naming the field, for what cannot work."""

    secret: bytes = field(repr=False)
    """Signs visitors, uploads and file links; at least 32 random bytes, kept by the gateway, never a default."""
    name: str = "webchat"
    path: str = "/webchat"
    """Where the routes are mounted; starts with a slash, ends without one."""
    identity_key: bytes | None = field(default=None, repr=False)
    """Shared with the business's own backend, which signs who its logged-in customers are (HS256)."""
    allowed_origins: tuple[str, ...] = ()
    """Sites that may embed the chat, e.g. `https://shop.example`; the gateway's own origin always may."""
    trusted_proxies: tuple[str, ...] = ()
    """Networks whose `X-Forwarded-For` is believed, e.g. `10.0.0.0/8`."""
    text_limit: int = 20_000
    """Characters a customer's message may have."""
    frame_limit: int = 1 << 20
    """Bytes a frame or a request body may have; beyond it the connection is closed (1009) or answered 413."""
    upload_limit: int = 10 << 20
    """Bytes of one attachment."""
    upload_types: tuple[str, ...] = UPLOAD_TYPES
    """Media types that are taken, found by looking at the content; only those of UPLOAD_TYPES can be recognised."""
    attachments_limit: int = 5
    """Attachments a message."""
    history_page: int = 50
    """Messages sent to a client that has none yet, and at each "load earlier"."""
    visitor_days: int = 400
    """How long a visitor who stays away is still known (browsers forget after about 400 days, too)."""
    identity_seconds: int = 86_400
    """How long a signed identity holds; the business's page brings a new one whenever it is loaded."""
    file_seconds: int = 86_400
    """How long a link to an attachment works."""
    sockets_per_visitor: int = 8
    visitor_rate: Rate = Rate(per_second=2, burst=20)
    """Frames from one visitor, over all tabs."""
    client_rate: Rate = Rate(per_second=20, burst=200)
    """Frames and connections from one client address (an IPv6 /64 counts as one): many people may share one."""
    visit_rate: Rate = Rate(per_second=0.2, burst=30)
    """New visitors from one client address."""

    def __post_init__(self) -> None:
        if len(self.secret) < SECRET_BYTES:
            raise ValueError(f"secret has {len(self.secret)} bytes; it needs at least {SECRET_BYTES}")
        if self.identity_key is not None and len(self.identity_key) < SECRET_BYTES:
            raise ValueError(f"identity_key has {len(self.identity_key)} bytes; it needs at least {SECRET_BYTES}")
        if not self.path.startswith("/") or self.path.endswith("/"):
            raise ValueError("path starts with a slash and does not end with one, e.g. /webchat")
        if unknown := set(self.upload_types) - set(UPLOAD_TYPES):
            raise ValueError(f"upload_types: {', '.join(sorted(unknown))} cannot be recognised")
        for origin in self.allowed_origins:
            if origin.count("/") != 2 or not origin.startswith(("http://", "https://")):
                raise ValueError(f"allowed_origins: {origin!r} is not an origin such as https://shop.example")
        self.proxies()

    def proxies(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The trusted networks, parsed. Raises ValueError."""
        return tuple(ip_network(network) for network in self.trusted_proxies)
