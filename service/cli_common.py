"""What every command shares: errors as one line, settings, exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.errors import DatelineError

if TYPE_CHECKING:
    from service.settings import Settings

FAILED, USAGE = 1, 2
DataDir = Annotated[Path | None, typer.Option("--data-dir", help="Where the archive lives, instead of DATELINE_DATA_DIR.")]


@contextmanager
def told() -> Iterator[None]:
    """Turn our errors into one line on standard error and exit code 2."""
    try:
        yield
    except DatelineError as error:
        typer.echo(f"dateline: {error}", err=True)
        raise typer.Exit(USAGE) from error
    except KeyboardInterrupt:
        typer.echo("dateline: interrupted; what was reported as done is kept", err=True)
        raise typer.Exit(130) from None
    except BrokenPipeError:
        leave_output()
        raise typer.Exit(0) from None


def leave_output() -> None:
    """Who read the output has enough. What is still buffered, or to come, goes nowhere, and fails nothing."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def settings_of(data_dir: Path | None = None, *, log_level: str = "WARNING") -> Settings:
    """The settings; `data_dir` stands in for DATELINE_DATA_DIR. Sets logging up, at `log_level` by default. Raises SettingsError."""
    from service.environment import lend_home
    from service.logs import configure
    from service.settings import load_settings

    configure(log_level)
    settings = load_settings(**({"data_dir": data_dir} if data_dir else {}))
    lend_home(settings.data_dir)
    return settings
