-- What schema 5 added to the tables of schema 4. Not to be edited.
ALTER TABLE articles ADD COLUMN zone TEXT;
ALTER TABLE articles ADD COLUMN date_conflicts TEXT NOT NULL DEFAULT '[]';
ALTER TABLE articles ADD COLUMN url_key TEXT;
UPDATE articles SET url_key = url_key(url) WHERE url IS NOT NULL;
CREATE INDEX IF NOT EXISTS articles_by_url ON articles (url_key) WHERE url_key IS NOT NULL;
CREATE TABLE IF NOT EXISTS former (     -- what answers cited before: no passage, no vector and no word of it can be found
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
        );
CREATE INDEX IF NOT EXISTS former_by_id ON former (id, version);
CREATE TABLE IF NOT EXISTS notices (    -- articles that correct or retract, themselves or another
            version  INTEGER PRIMARY KEY REFERENCES articles (version) ON DELETE CASCADE,
            kind     TEXT NOT NULL CHECK (kind IN ('correction', 'retraction')),
            said     TEXT NOT NULL,          -- the sentence that says so
            corrects TEXT                    -- the id of the article that is corrected; NULL while it is not here
        );
CREATE INDEX IF NOT EXISTS notices_by_article ON notices (corrects);
INSERT OR IGNORE INTO meta SELECT 'unnoticed', max(version) FROM articles HAVING max(version) IS NOT NULL;
CREATE TABLE IF NOT EXISTS visits (     -- addresses of pages, feeds and sitemaps that were looked at
            url_key       TEXT PRIMARY KEY,
            url           TEXT NOT NULL,
            article_id    TEXT,              -- NULL for a feed, a sitemap, and a page that holds no article
            arrived       TEXT,              -- the url_key at which the page was read, after redirects
            source        TEXT,              -- the url_key of the feed or sitemap that led to the page
            etag          TEXT,
            last_modified TEXT,
            misses        INTEGER NOT NULL,  -- times in a row that it was not there
            checked_at    INTEGER NOT NULL   -- microseconds since 1970, UTC
        ) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS visits_by_source ON visits (source, checked_at);
CREATE INDEX IF NOT EXISTS visits_by_article ON visits (article_id);
CREATE TABLE IF NOT EXISTS removed (    -- what was taken out by hand: nothing that merely still lists it brings it back
            key        TEXT PRIMARY KEY,     -- an article's id, or the url_key of a page of it
            removed_at INTEGER NOT NULL      -- microseconds since 1970, UTC
        ) WITHOUT ROWID;

PRAGMA user_version=5;
