"""What we keep: SQLAlchemy entities, one file each with its verbs and queries, on SQLite and PostgreSQL alike.

Everything here is a synchronous function on a Connection inside somebody's transaction. So no network call can ever
happen within one: there is nothing to await.
"""
