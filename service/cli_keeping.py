"""The commands that keep an archive: copied away, put back, looked over."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from service.cli_common import FAILED, DataDir, settings_of, told

Json = Annotated[bool, typer.Option("--json", help="Print the same as JSON.")]


def backup(
    file: Annotated[Path, typer.Argument(help="The file to write, best on another disk.")],
    replace: Annotated[bool, typer.Option("--replace", help="Replace a file that is there already.")] = False,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Copy the archive into a file, as it is at this moment, also while the service runs.

    The vector index is not in it: `dateline restore` rebuilds it from the stored vectors.
    """
    with told():
        import json
        from dataclasses import asdict

        from service import console_keeping as console
        from service import keeping

        settings = settings_of(data_dir)
        with console.steps() as progress:
            found = keeping.backup(settings, file, replace=replace, progress=progress)
        if as_json:
            typer.echo(json.dumps({"file": str(file), **asdict(found)}))
        else:
            console.print_backup(found, file)


def restore(
    file: Annotated[Path, typer.Argument(help="What `dateline backup` has written.")],
    replace: Annotated[bool, typer.Option("--replace", help="Where there is an archive already, keep it under another name.")] = False,
    embed: Annotated[bool, typer.Option("--embed", help="Embed every passage again, with the encoder of the settings.")] = False,
    even_damaged: Annotated[bool, typer.Option("--even-damaged", help="Also where texts or vectors are not what was taken in.")] = False,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Put a backup in the archive's place, and rebuild the vector index from it.

    Exit code 1 where all is restored but the index, which the next start then rebuilds.
    """
    with told():
        import json
        from dataclasses import asdict

        from service import console_keeping as console
        from service import keeping

        settings = settings_of(data_dir)
        with console.steps() as progress:
            done = keeping.restore(settings, file, replace=replace, embed=embed, even_damaged=even_damaged, progress=progress)
        if as_json:
            typer.echo(json.dumps(asdict(done), default=str))
        else:
            console.print_restored(done, settings.data_dir)
        raise typer.Exit(FAILED if done.trouble else 0)


def doctor(
    deep: Annotated[bool, typer.Option("--deep", help="Also hold archive, full text and vectors against each other, row by row.")] = False,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Check settings, disk, models, archive, index and the running service, and say what to do. Exit code 1 if something is wrong."""
    with told():
        import json
        from dataclasses import asdict

        from service import console, console_keeping
        from service.audit import Audit, audit
        from service.doctor import examine

        settings = settings_of(data_dir)
        checks = examine(settings)
        found = Audit([], 0.0)
        if deep:
            if not as_json:
                console.print_checks(checks)
            with console_keeping.steps() as progress:
                found = audit(settings, progress)
        ok = found.ok and all(check.ok for check in checks)
        if as_json:
            every = [asdict(check) for check in (*checks, *found.checks)]
            typer.echo(json.dumps({"ok": ok, "checks": every, **({"deep_seconds": round(found.seconds, 3)} if deep else {})}))
        else:
            console.print_checks(found.checks if deep else checks)
            if deep:
                console.out.print(f"looked at everything in {found.seconds:.1f} s")
        raise typer.Exit(0 if ok else FAILED)
