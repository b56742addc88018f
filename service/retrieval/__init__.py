"""Finding: understanding a question, hybrid search, and the sentences that evidence is made of."""
