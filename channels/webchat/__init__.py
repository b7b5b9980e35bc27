"""Web chat: our own channel, a widget on any page, over WebSocket with a long-poll fallback."""
