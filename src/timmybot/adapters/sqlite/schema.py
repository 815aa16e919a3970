"""The tables of the database file, and how an older file becomes a newer one.

``PRAGMA user_version`` counts the migrations a file has seen. Migrations only go forward: a released one is never
changed, a new one is appended. Records are JSON; what is searched by has a column.
"""

from __future__ import annotations

APPLICATION_ID = 0x54494D59
"""``TIMY``: what ``PRAGMA application_id`` says in our files, and in nobody else's."""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE guild_state (guild_id INTEGER PRIMARY KEY, wants_player INTEGER NOT NULL, record TEXT NOT NULL)",
        "CREATE INDEX guilds_that_want_a_player ON guild_state (guild_id) WHERE wants_player",
        """CREATE TABLE entry (
            guild_id INTEGER NOT NULL, generation INTEGER NOT NULL, order_key TEXT NOT NULL, record TEXT NOT NULL,
            PRIMARY KEY (guild_id, generation, order_key)
        ) WITHOUT ROWID""",
        """CREATE TABLE owed_reply (
            guild_id INTEGER NOT NULL, interaction_id INTEGER NOT NULL, expires_at INTEGER NOT NULL,
            record TEXT NOT NULL, PRIMARY KEY (guild_id, interaction_id)
        ) WITHOUT ROWID""",
        """CREATE TABLE worker (
            worker_id TEXT PRIMARY KEY, expires_at REAL NOT NULL, record TEXT NOT NULL
        ) WITHOUT ROWID""",
        "CREATE TABLE shard (shard_id INTEGER PRIMARY KEY, record TEXT NOT NULL)",
        """CREATE TABLE nudge (
            written_at REAL NOT NULL, nudge_id TEXT NOT NULL, record TEXT NOT NULL, PRIMARY KEY (written_at, nudge_id)
        ) WITHOUT ROWID""",
        "CREATE TABLE identify_bucket (bucket INTEGER PRIMARY KEY, free_at REAL NOT NULL)",
    ),
    (
        "ALTER TABLE entry ADD COLUMN expires_at REAL",
        "CREATE INDEX entries_to_forget ON entry (guild_id, expires_at) WHERE expires_at IS NOT NULL",
        "CREATE TABLE undo (guild_id INTEGER PRIMARY KEY, record TEXT NOT NULL)",
        "CREATE TABLE guild_settings (guild_id INTEGER PRIMARY KEY, record TEXT NOT NULL)",
    ),
    (
        "DROP TABLE guild_settings",  # they are part of the state
        """CREATE TABLE loudness (
            track_id TEXT PRIMARY KEY, expires_at REAL NOT NULL, record TEXT NOT NULL
        ) WITHOUT ROWID""",
    ),
)
