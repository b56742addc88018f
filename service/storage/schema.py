"""The tables of the archive, the checks on opening it, and the steps that bring an older archive up to date.

A version of an article is a row of `articles`; `pending` rows are invisible until `publish` makes them `ready`.
Full text is FTS5 over a view (external content), so no text is stored twice.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from tenacity import retry, retry_if_exception, stop_after_delay, wait_random

from service.errors import ArchiveDamaged, ArchiveMismatch
from service.storage.upgrade import copies_of, upgrade
from service.urls import url_key

SCHEMA_VERSION = 7
APPLICATION_ID = 0x44544C4E  # "DTLN"
PATIENCE = 10.0  # s for another writer

_TABLES = """
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
"""

_STEPS: dict[int, tuple[str, ...]] = {
    2: (
        """CREATE TABLE IF NOT EXISTS answers (    -- an answer given before schema 2 has a turn and no row here
            id     TEXT PRIMARY KEY REFERENCES turns (id) ON DELETE CASCADE,
            record TEXT NOT NULL             -- JSON: service.records
        )""",
        """CREATE TABLE IF NOT EXISTS feedback (
            number    INTEGER PRIMARY KEY,
            answer_id TEXT NOT NULL REFERENCES turns (id) ON DELETE CASCADE,
            given_at  INTEGER NOT NULL,      -- microseconds since 1970, UTC
            verdict   TEXT NOT NULL CHECK (verdict IN ('up', 'down')),
            reason    TEXT,
            comment   TEXT
        )""",
        "CREATE INDEX IF NOT EXISTS feedback_by_answer ON feedback (answer_id, number)",
    ),
    3: (
        """CREATE TABLE IF NOT EXISTS stories (    -- beside the articles, because a row with a text in it is slow to change
            version   INTEGER PRIMARY KEY REFERENCES articles (version) ON DELETE CASCADE,
            story     INTEGER,               -- versions that print one text share it; NULL while pending
            signature BLOB NOT NULL          -- uint32, little-endian: number of shingles, then the minima
        )""",
        "CREATE INDEX IF NOT EXISTS stories_by_story ON stories (story)",
        """CREATE TABLE IF NOT EXISTS story_keys (
            key     INTEGER NOT NULL,        -- versions that may be one story share one; negative: of the lead alone
            version INTEGER NOT NULL REFERENCES stories (version) ON DELETE CASCADE,
            PRIMARY KEY (key, version)
        ) WITHOUT ROWID""",
        "CREATE INDEX IF NOT EXISTS story_keys_by_version ON story_keys (version)",
        "CREATE INDEX IF NOT EXISTS articles_by_outlet ON articles (source_key, state, source)",  # which outlets and authors there are,
        "CREATE INDEX IF NOT EXISTS articles_by_author ON articles (author, state)",  # without reading the texts
    ),
    4: (
        """CREATE TABLE IF NOT EXISTS conversations (
            number     INTEGER PRIMARY KEY AUTOINCREMENT,
            id         TEXT NOT NULL UNIQUE,
            owner      TEXT NOT NULL,        -- a hash of the key that started it; empty where there was none
            started_at INTEGER NOT NULL      -- microseconds since 1970, UTC
        )""",
        "CREATE INDEX IF NOT EXISTS conversations_by_owner ON conversations (owner, number)",
        """INSERT OR IGNORE INTO conversations (id, owner, started_at)
            SELECT conversation_id, '', MIN(asked_at) FROM turns GROUP BY conversation_id ORDER BY MIN(number)""",
    ),
    5: (
        "ALTER TABLE articles ADD COLUMN zone TEXT",  # the offset in which the source gave published_at
        "ALTER TABLE articles ADD COLUMN date_conflicts TEXT NOT NULL DEFAULT '[]'",  # JSON: what else was said of its dates
        "ALTER TABLE articles ADD COLUMN url_key TEXT",  # service.urls: what two addresses of one page have in common
        "UPDATE articles SET url_key = url_key(url) WHERE url IS NOT NULL",
        "CREATE INDEX IF NOT EXISTS articles_by_url ON articles (url_key) WHERE url_key IS NOT NULL",
        """CREATE TABLE IF NOT EXISTS former (     -- what answers cited before: no passage, no vector and no word of it can be found
            version        INTEGER PRIMARY KEY,
            id             TEXT NOT NULL,
            ended_at       INTEGER NOT NULL, -- microseconds since 1970, UTC
            ended_by       TEXT NOT NULL CHECK (ended_by IN ('updated', 'withdrawn')),
            title          TEXT NOT NULL,
            source         TEXT,
            author         TEXT,
            url            TEXT,
            language       TEXT,
            published_at   INTEGER,
            updated_at     INTEGER,
            date_origin    TEXT NOT NULL,
            zone           TEXT,
            date_conflicts TEXT NOT NULL,
            ingested_at    INTEGER NOT NULL,
            origin         TEXT,
            metadata       TEXT NOT NULL,
            text           TEXT NOT NULL
        )""",
        "CREATE INDEX IF NOT EXISTS former_by_id ON former (id, version)",
        """CREATE TABLE IF NOT EXISTS notices (    -- articles that correct or retract, themselves or another
            version  INTEGER PRIMARY KEY REFERENCES articles (version) ON DELETE CASCADE,
            kind     TEXT NOT NULL CHECK (kind IN ('correction', 'retraction')),
            said     TEXT NOT NULL,          -- the sentence that says so
            corrects TEXT                    -- the id of the article that is corrected; NULL while it is not here
        )""",
        "CREATE INDEX IF NOT EXISTS notices_by_article ON notices (corrects)",
        # up to which version nobody has looked for notices yet
        "INSERT OR IGNORE INTO meta SELECT 'unnoticed', max(version) FROM articles HAVING max(version) IS NOT NULL",
        """CREATE TABLE IF NOT EXISTS visits (     -- addresses of pages, feeds and sitemaps that were looked at
            url_key       TEXT PRIMARY KEY,
            url           TEXT NOT NULL,
            article_id    TEXT,              -- NULL for a feed, a sitemap, and a page that holds no article
            arrived       TEXT,              -- the url_key at which the page was read, after redirects
            source        TEXT,              -- the url_key of the feed or sitemap that led to the page
            etag          TEXT,
            last_modified TEXT,
            misses        INTEGER NOT NULL,  -- times in a row that it was not there
            checked_at    INTEGER NOT NULL   -- microseconds since 1970, UTC
        ) WITHOUT ROWID""",
        "CREATE INDEX IF NOT EXISTS visits_by_source ON visits (source, checked_at)",
        "CREATE INDEX IF NOT EXISTS visits_by_article ON visits (article_id)",
        """CREATE TABLE IF NOT EXISTS removed (    -- what was taken out by hand: nothing that merely still lists it brings it back
            key        TEXT PRIMARY KEY,     -- an article's id, or the url_key of a page of it
            removed_at INTEGER NOT NULL      -- microseconds since 1970, UTC
        ) WITHOUT ROWID""",
    ),
    6: (
        "ALTER TABLE conversations ADD COLUMN title TEXT",  # given by its owner; else its first question names it
        "ALTER TABLE turns ADD COLUMN given_at INTEGER",  # when it was really asked; NULL where that was not kept
        "ALTER TABLE feedback ADD COLUMN sentence INTEGER",  # which sentence of the answer is meant, from 0; NULL for all of it
    ),
    7: (
        """CREATE TABLE IF NOT EXISTS api_keys (   -- while there is a row, used up or not, nobody gets in without a key
            id         TEXT PRIMARY KEY,     -- the part of the key that may be shown
            digest     BLOB NOT NULL,        -- SHA-256 of the whole key, which is kept nowhere
            scope      TEXT NOT NULL CHECK (scope IN ('ask', 'admin')),
            name       TEXT NOT NULL,        -- what its maker calls it
            created_at INTEGER NOT NULL,     -- microseconds since 1970, UTC
            expires_at INTEGER,
            revoked_at INTEGER
        ) WITHOUT ROWID""",
    ),
}
"""What each version added to the tables of version 1: statements that take an archive of the version before up to it."""


def connect(path: Path) -> sqlite3.Connection:
    """A connection in WAL mode, every commit durable, foreign keys on, waiting at most 10 s for another writer."""
    connection = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
    try:
        connection.row_factory = sqlite3.Row
        connection.create_function("url_key", 1, url_key, deterministic=True)
        connection.create_function("casefold", 1, lambda text: None if text is None else str(text).casefold(), deterministic=True)
        _write_ahead(connection)
        connection.executescript("PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY;")
    except BaseException:
        connection.close()
        raise
    return connection


def _is_busy(error: BaseException) -> bool:
    return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY


@retry(retry=retry_if_exception(_is_busy), stop=stop_after_delay(PATIENCE), wait=wait_random(0, 0.05), reraise=True)
def _write_ahead(connection: sqlite3.Connection) -> None:
    """WAL mode, tried again while another opener is about it: SQLite asks no busy handler for this lock (sqlite.org/wal.html)."""
    connection.execute("PRAGMA journal_mode=WAL")


def prepare(connection: sqlite3.Connection, path: Path, fingerprint: str | None) -> None:
    """Create the tables, or check that they are ours; those of an older version are brought up to date, and kept as they were beside.

    Raises ArchiveMismatch, ArchiveDamaged, or what `upgrade` raises, each with what to do.
    """
    version = _version(connection)
    if version == 0 and not connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
        _create(connection)
    elif require_ours(connection, path) < SCHEMA_VERSION:
        upgrade(connection, path, _STEPS, SCHEMA_VERSION)
    require_ours(connection, path)
    _check_maker(connection, path, fingerprint)


def require_ours(connection: sqlite3.Connection, path: Path) -> int:
    """Its schema. Raises ArchiveDamaged where it is no archive of ours, ArchiveMismatch where its schema is not known here."""
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise ArchiveDamaged(f"{path} is a database, but not an archive of Dateline: set DATELINE_DATA_DIR to another folder")
    if not 1 <= (version := _version(connection)) <= SCHEMA_VERSION:
        kept = [f"; before it was brought up to date, it was kept as {one}" for one in copies_of(path)][-1:]
        raise ArchiveMismatch(
            f"{path} was made by another version of Dateline (schema {version}, this one reads {SCHEMA_VERSION}): "
            f"use that version, or set DATELINE_DATA_DIR to a new folder and ingest again{''.join(kept)}"
        )
    return version


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _create(connection: sqlite3.Connection) -> None:
    """All tables, in one transaction; those that another opener has made meanwhile are left as they are."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        if _version(connection) == 0:
            statements = (*filter(str.strip, _TABLES.split(";\n")), *(one for number in sorted(_STEPS) for one in _STEPS[number]))
            for statement in statements:
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _check_maker(connection: sqlite3.Connection, path: Path, fingerprint: str | None) -> None:
    """Vectors of different encoders must never meet. Raises ArchiveMismatch; None stands for any maker."""
    if fingerprint is None:
        return
    made_by = connection.execute("SELECT value FROM meta WHERE key = 'fingerprint'").fetchone()
    if made_by is None:  # only then, so that opening an archive does not wait for its writer
        connection.execute("INSERT OR IGNORE INTO meta VALUES ('fingerprint', ?)", (fingerprint,))
        made_by = connection.execute("SELECT value FROM meta WHERE key = 'fingerprint'").fetchone()
    if made_by[0] != fingerprint:
        raise ArchiveMismatch(
            f"the archive in {path.parent} was made with {made_by[0]}, the settings say {fingerprint}: "
            "set DATELINE_EMBEDDING_MODEL back, or run `dateline reindex --embed` to embed every passage again"
        )
