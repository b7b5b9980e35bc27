"""Telegram: a bot, by long polling or webhook; `channel` is imported only where one is configured: aiogram is dear."""
