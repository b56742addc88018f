-- What schema 6 added to the tables of schema 5. Not to be edited.
ALTER TABLE conversations ADD COLUMN title TEXT;
ALTER TABLE turns ADD COLUMN given_at INTEGER;
ALTER TABLE feedback ADD COLUMN sentence INTEGER;
PRAGMA user_version=6;
