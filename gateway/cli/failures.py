"""What goes wrong outside while a command runs is said in a sentence; what goes wrong inside keeps its trace."""

from __future__ import annotations

import errno


def explain(error: Exception) -> list[str]:
    """A sentence for each thing that an operator can mend; none where it is not theirs to mend."""
    from sqlalchemy.exc import OperationalError

    from bot.playbook import PlaybookMistakes
    from nlu.embedded import TrainingFailed
    from nlu.training import TrainingDataMistakes
    from storage.migrations import MigrationFailed

    match error:
        case PlaybookMistakes():
            return [f"playbook: {mistake}" for mistake in error.mistakes]
        case TrainingDataMistakes():
            return [f"training data: {mistake}" for mistake in error.mistakes]
        case TrainingFailed():
            return [f"The engine that understands cannot be trained: {error}."]
        case MigrationFailed():
            return [f"The database cannot be brought to this version's shape, and is as it was: {error}"]
        case OperationalError():
            # The driver's own words; SQLAlchemy's repeat the statement.
            return [f"The database does not answer: {str(error.orig).strip()} `rapport check` tells more."]
        case OSError(errno=errno.EADDRINUSE):
            return [f"{error.strerror}: if that is not this gateway, choose another --port (or server.port)."]
        case OSError(filename=str() as name, strerror=str() as why):
            return [f"{name}: {why}."]
        case _:
            return []
