-- What schema 2 added to the tables of schema 1. Not to be edited.
CREATE TABLE IF NOT EXISTS answers (    -- an answer given before schema 2 has a turn and no row here
            id     TEXT PRIMARY KEY REFERENCES turns (id) ON DELETE CASCADE,
            record TEXT NOT NULL             -- JSON: service.records
        );
CREATE TABLE IF NOT EXISTS feedback (
            number    INTEGER PRIMARY KEY,
            answer_id TEXT NOT NULL REFERENCES turns (id) ON DELETE CASCADE,
            given_at  INTEGER NOT NULL,      -- microseconds since 1970, UTC
            verdict   TEXT NOT NULL CHECK (verdict IN ('up', 'down')),
            reason    TEXT,
            comment   TEXT
        );
CREATE INDEX IF NOT EXISTS feedback_by_answer ON feedback (answer_id, number);

PRAGMA user_version=2;
