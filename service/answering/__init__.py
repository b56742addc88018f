"""Answering: prompts, grounding, disagreement, status, and the ask flow."""
