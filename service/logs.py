"""Logging to standard error: time, level, message. No question, key or article text is logged at INFO."""

from __future__ import annotations

import logging
import os


def configure() -> None:
    """Set up once; `DATELINE_LOG_LEVEL` (default WARNING) applies to Dateline's own loggers."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    logging.getLogger("service").setLevel(os.environ.get("DATELINE_LOG_LEVEL", "WARNING").upper())
