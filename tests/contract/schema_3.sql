-- What schema 3 added to the tables of schema 2. Not to be edited.
CREATE TABLE IF NOT EXISTS stories (    -- beside the articles, because a row with a text in it is slow to change
            version   INTEGER PRIMARY KEY REFERENCES articles (version) ON DELETE CASCADE,
            story     INTEGER,               -- versions that print one text share it; NULL while pending
            signature BLOB NOT NULL          -- uint32, little-endian: number of shingles, then the minima
        );
CREATE INDEX IF NOT EXISTS stories_by_story ON stories (story);
CREATE TABLE IF NOT EXISTS story_keys (
            key     INTEGER NOT NULL,        -- versions that may be one story share one; negative: of the lead alone
            version INTEGER NOT NULL REFERENCES stories (version) ON DELETE CASCADE,
            PRIMARY KEY (key, version)
        ) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS story_keys_by_version ON story_keys (version);
CREATE INDEX IF NOT EXISTS articles_by_outlet ON articles (source_key, state, source);
CREATE INDEX IF NOT EXISTS articles_by_author ON articles (author, state);

PRAGMA user_version=3;
