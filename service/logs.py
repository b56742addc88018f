"""Logging to standard error: time, level, message. No question, key or article text is logged at INFO."""

from __future__ import annotations

import logging
import os

from service.errors import SettingsError

VARIABLE = "DATELINE_LOG_LEVEL"
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def configure() -> None:
    """Set up once; `DATELINE_LOG_LEVEL` (default WARNING) applies to Dateline's own loggers. Raises SettingsError for an unknown level."""
    level = os.environ.get(VARIABLE, "WARNING").upper()
    if level not in LEVELS:
        raise SettingsError(f"{VARIABLE}: {level!r} is not a level: write one of {', '.join(LEVELS)}")
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    logging.getLogger("service").setLevel(level)
