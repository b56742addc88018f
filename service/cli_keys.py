"""`dateline keys`: API keys of the archive, made, listed and revoked; beside a running service too, which honours it at once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from service.cli_common import DataDir, settings_of, told

if TYPE_CHECKING:
    from service.storage.keys import StoredKey

Scope = Literal["ask", "admin"]
keys_app = typer.Typer(no_args_is_help=True, help="API keys: create, list, revoke, forget. Only hashes are kept.", rich_markup_mode=None)


@keys_app.command("create")
def create(
    scope: Annotated[Scope, typer.Option(help="ask: questions and reading. admin: taking in and removing articles, too.")],
    name: Annotated[str, typer.Option(help="Whose key it is, or what for.")],
    expires_in: Annotated[
        str | None, typer.Option(help="When it ends: after 90d or 12h, or on a date (UTC), such as 2027-01-01. Never by default.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Make a key and print it, alone, on standard output: this once, since only a hash of it is kept.

    From the first key on, the service lets nobody in without one, on loopback too.
    """
    with told():
        from service.access import open_keys
        from service.services import now
        from service.storage.keys import expiry

        ends = expiry(expires_in, now()) if expires_in else None
        with open_keys(settings_of(data_dir)) as stored:
            first = not stored.any()
            made, key = stored.create(scope, name, ends)
        until = f" until {_moment(ends)}" if ends else ""
        typer.echo(f"Key {made.id} of scope {scope}{until}. It is shown this once: send it as Authorization: Bearer KEY.", err=True)
        if first:
            typer.echo("From now on the service asks everybody for a key, on loopback too; your own goes into DATELINE_API_KEY.", err=True)
        typer.echo(key)


@keys_app.command("list")
def list_keys(as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False, data_dir: DataDir = None) -> None:
    """One line a key: id, scope, created, expires, revoked, name, separated by tabs; `-` for never."""
    with told():
        from service.access import open_keys
        from service.console import harmless

        with open_keys(settings_of(data_dir)) as stored:
            for one in stored.all():
                row = _row(one)
                shown = json.dumps(row, ensure_ascii=False) if as_json else "\t".join(harmless(value or "-") for value in row.values())
                typer.echo(shown)


@keys_app.command("revoke")
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="As `dateline keys list` shows it.")],
    data_dir: DataDir = None,
) -> None:
    """End a key for good: from the next request on it opens nothing. An answer that is being sent is sent to its end."""
    with told():
        from service.access import open_keys

        with open_keys(settings_of(data_dir)) as stored:
            ended = stored.revoke(key_id)
        typer.echo(f"revoked {ended.id} ({ended.name}) at {_moment(ended.revoked_at)}")


@keys_app.command("forget-all")
def forget_all(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Delete every key, revoked ones too. Without DATELINE_API_KEYS the service is then open to all on loopback, as it was at first."""
    with told():
        from service.access import open_keys

        with open_keys(settings_of(data_dir)) as stored:
            if not yes:
                question = "Delete every key? Without DATELINE_API_KEYS the service then lets everybody on this machine in."
                typer.confirm(question, abort=True, err=True)
            typer.echo(f"{stored.forget_all()} forgotten")


def _row(key: StoredKey) -> dict[str, Any]:
    """What may be shown, the name last, since it may hold anything."""
    return {
        "id": key.id,
        "scope": key.scope,
        "created_at": _moment(key.created_at),
        "expires_at": _moment(key.expires_at),
        "revoked_at": _moment(key.revoked_at),
        "name": key.name,
    }


def _moment(moment: Any) -> str | None:
    """To the second, UTC."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}" if moment else None
