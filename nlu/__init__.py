"""Understanding of text: the embedded engine, the Rasa client, languages, entities, knowledge, withdrawal."""
