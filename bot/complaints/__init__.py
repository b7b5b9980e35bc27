"""The four steps of a complaint, and what is known and decided in them; `bot.skills.complaint` tells the story."""
