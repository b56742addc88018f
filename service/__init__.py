"""Dateline: questions about a news archive, answered with citations that are exact characters of dated articles."""

__version__ = "0.1.0"
