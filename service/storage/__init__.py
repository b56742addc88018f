"""Where things are kept: the archive (SQLite, the truth) and the vector index (Chroma, derived from it)."""
