"""What a reader sees of HTML, as text."""

from __future__ import annotations

import html
import re


def text_of(source: str) -> str:
    text = re.sub(r"<(?:style|script)\b.*?</(?:style|script)>", "", source, flags=re.IGNORECASE | re.DOTALL)
    text = re.sub(r"<(?:br|/p|/div|/tr|/h\d|/li)\b[^>]*>", "\n", text, flags=re.IGNORECASE)
    return html.unescape(re.sub(r"<[^>]*>", "", text)).strip()
