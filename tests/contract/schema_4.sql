-- What schema 4 added to the tables of schema 3. Not to be edited.
CREATE TABLE IF NOT EXISTS conversations (
            number     INTEGER PRIMARY KEY AUTOINCREMENT,
            id         TEXT NOT NULL UNIQUE,
            owner      TEXT NOT NULL,        -- a hash of the key that started it; empty where there was none
            started_at INTEGER NOT NULL      -- microseconds since 1970, UTC
        );
CREATE INDEX IF NOT EXISTS conversations_by_owner ON conversations (owner, number);

PRAGMA user_version=4;
