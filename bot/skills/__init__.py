"""Skills: one file each, registered in `bot.engine.SKILLS`."""
