"""Asking the web: one function fetches, and it connects to nothing that is not public."""
