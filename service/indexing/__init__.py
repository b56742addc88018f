"""From articles to searchable passages: cutting, embedding, and the ingest flow."""
