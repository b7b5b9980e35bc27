"""Skills: one file each, registered in `bot.repertoire.SKILLS`."""
