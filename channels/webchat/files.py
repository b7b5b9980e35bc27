"""What an upload really is, what it may be called, and how it is shown again without ever being executed."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

from channels.envelope import AttachmentKind

NAME_LIMIT = 120
SHOWN_INLINE = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
EXTENSIONS = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "application/pdf": ".pdf",
    "text/plain": ".txt",
}
FORBIDDEN_IN_NAMES = re.compile(r'[/\\:*?"<>|]')


def sniff(content: bytes) -> str | None:
    """The media type by the first bytes (WHATWG MIME Sniffing, section 6), never by what the sender claims.

    Text is what decodes as UTF-8 and has no control characters; None: nothing that we know.
    """
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "image/webp"
    if content.startswith(b"%PDF-"):
        return "application/pdf"
    return "text/plain" if _is_text(content) else None


def _is_text(content: bytes) -> bool:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
    return bool(text) and re.search(r"[\x00-\x08\x0e-\x1f\x7f]", text) is None


def kind_of(content_type: str) -> AttachmentKind:
    """What it is to a person."""
    return AttachmentKind.IMAGE if content_type.startswith("image/") else AttachmentKind.FILE


def safe_name(claimed: str, content_type: str) -> str:
    """The name without paths, control and direction-changing characters, ending as its content says.

    `invoice\\u202efdp.exe` shows as `invoiceexe.pdf` and must not: format characters go, the extension is ours.
    """
    name = claimed.replace("\\", "/").rpartition("/")[2]
    name = "".join(character for character in name if unicodedata.category(character)[0] != "C")
    name = FORBIDDEN_IN_NAMES.sub("_", unicodedata.normalize("NFC", name)).strip(" .")
    extension = EXTENSIONS[content_type]
    stem = name[: -len(extension)] if name.lower().endswith(extension) else name
    if content_type == "image/jpeg" and stem.lower().endswith(".jpeg"):
        stem = stem[:-5]
    return (stem[: NAME_LIMIT - len(extension)].strip(" .") or "file") + extension


def download_headers(content_type: str, name: str) -> dict[str, str]:
    """Headers under which a file from a stranger can be shown on our origin (RFC 6266; CSP 3; nosniff)."""
    disposition = "inline" if content_type in SHOWN_INLINE else "attachment"
    shown = f"; filename*=UTF-8''{quote(name, safe='')}" if name else ""
    charset = "; charset=utf-8" if content_type == "text/plain" else ""
    return {
        "Content-Type": content_type + charset,
        "Content-Disposition": disposition + shown,
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "private, max-age=86400, immutable",
    }
