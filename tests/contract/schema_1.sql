-- The tables as schema 1 made them: an archive of that age is upgraded in place. Not to be edited.
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS articles (
    version      INTEGER PRIMARY KEY AUTOINCREMENT,
    id           TEXT NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('pending', 'ready')),
    content_hash TEXT NOT NULL,
    text_hash    TEXT NOT NULL,
    title        TEXT NOT NULL,
    source       TEXT,
    source_key   TEXT,               -- source.casefold(), for filters
    author       TEXT,
    url          TEXT,
    language     TEXT,
    published_at INTEGER,            -- microseconds since 1970, UTC
    updated_at   INTEGER,
    date_origin  TEXT NOT NULL,
    ingested_at  INTEGER NOT NULL,
    origin       TEXT,
    metadata     TEXT NOT NULL,      -- JSON
    text         TEXT NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS one_ready_version ON articles (id) WHERE state = 'ready';
CREATE INDEX IF NOT EXISTS articles_by_text ON articles (text_hash);
CREATE INDEX IF NOT EXISTS articles_by_date ON articles (published_at);

CREATE TABLE IF NOT EXISTS passages (
    number  INTEGER PRIMARY KEY,
    id      TEXT NOT NULL,
    version INTEGER NOT NULL REFERENCES articles (version) ON DELETE CASCADE,
    ordinal INTEGER NOT NULL,
    start   INTEGER NOT NULL,
    end     INTEGER NOT NULL,
    vector  BLOB NOT NULL            -- float32, little-endian, L2-normalised
);
CREATE INDEX IF NOT EXISTS passages_by_id ON passages (id);
CREATE INDEX IF NOT EXISTS passages_by_version ON passages (version);

CREATE VIEW IF NOT EXISTS passage_words AS
    SELECT p.number AS number, a.title AS title, substr(a.text, p.start + 1, p.end - p.start) AS body
    FROM passages p JOIN articles a USING (version) WHERE a.state = 'ready';
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5 (
    title, body, content='passage_words', content_rowid='number', tokenize='porter unicode61 remove_diacritics 2'
);

CREATE TABLE IF NOT EXISTS turns (
    number          INTEGER PRIMARY KEY,
    id              TEXT NOT NULL UNIQUE,   -- the answer's id
    conversation_id TEXT NOT NULL,
    asked_at        INTEGER NOT NULL,
    question        TEXT NOT NULL,
    standalone      TEXT NOT NULL,
    answer          TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS turns_by_conversation ON turns (conversation_id, number);

PRAGMA application_id=1146375246;
PRAGMA user_version=1;
