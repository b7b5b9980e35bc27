"""Migrates the database whose address comes by standard input (see `migrate_apart`)."""

import sys

from storage.migrations import migrate

migrate(sys.stdin.read())
