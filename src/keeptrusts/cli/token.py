"""`kt token`: API keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import click

from keeptrusts.cli.connection import with_client
from keeptrusts.cli.duration import DURATION, ago
from keeptrusts.cli.output import confirm, emit, emit_gone, emit_one, format_option, say

if TYPE_CHECKING:
    from keeptrusts.api.names import Role
    from keeptrusts.api.tokens import Key, KeyDraft
    from keeptrusts.client import Client

ROLES = ("admin", "editor", "viewer", "auditor", "gateway")
COLUMNS = ("id", "name", "role", "state", "expires_at", "last_used_at")


@click.group()
def token() -> None:
    """API keys."""


@token.command("list")
@format_option("table", "json", "jsonl", "csv", "yaml")
@with_client
def list_tokens(client: Client, form: str) -> None:
    """
    Every key, newest first, without its secret; revoked ones too.

    \b
      kt token list --format csv
    """
    emit_keys(list(client.tokens.each()), form)


@token.command()
@click.argument("token_id")
@format_option("table", "json", "yaml")
@with_client
def show(client: Client, token_id: str, form: str) -> None:
    """
    One key, without its secret; with its rights and its end.

    \b
      kt token show key_0193...
    """
    found = client.tokens.get(token_id)
    emit_one({**found, "state": _state(found["revoked_at"], found["expires_at"])}, form)


@token.command()
@click.option("--name", required=True, help="What it is for.")
@click.option("--role", required=True, type=click.Choice(ROLES), help="What it may do.")
@click.option("--scope", "scopes", multiple=True, help="Narrow the role, such as `configurations:write`; repeatable.")
@click.option("--expires-in", type=DURATION, help="Such as 90d or 12h.  [default: never]")
@format_option("table", "json", "yaml")
@with_client
def create(client: Client, name: str, role: str, *, scopes: tuple[str, ...], expires_in: int | None, form: str) -> None:
    """
    Make a key. It is shown this once.

    \b
      kt token create --name ci --role editor --expires-in 90d
      kt token create --name export --role auditor --scope events:read --json
    """
    draft: KeyDraft = cast("KeyDraft", {"name": name, "role": cast("Role", role), "scopes": list(scopes)})
    if expires_in is not None:
        draft["expires_in"] = expires_in
    emit_one(client.tokens.create(draft), form)
    say("this is the only time the key is shown; keep it where others do not look")


@token.command()
@click.argument("token_id")
@click.option("--yes", is_flag=True, help="Do not ask.")
@format_option("table", "json", "yaml")
@with_client
def revoke(client: Client, token_id: str, *, yes: bool, form: str) -> None:
    """
    From now on, refuse the key.

    \b
      kt token revoke key_0193...
    """
    if not yes:
        confirm(f"revoke `{token_id}`? whoever uses it is shut out at once")
    client.tokens.revoke(token_id)
    emit_gone({"id": token_id, "revoked": True}, f"revoked `{token_id}`", form)


@token.command()
@click.argument("token_id")
@click.option(
    "--overlap", type=DURATION, help="How long the old key lives on, such as 1h.  [default: as the server has it]"
)
@format_option("table", "json", "yaml")
@with_client
def rotate(client: Client, token_id: str, overlap: int | None, form: str) -> None:
    """
    Make a successor with the same rights. It is shown this once; the old key lives on for the overlap.

    \b
      kt token rotate key_0193... --overlap 1h --json
    """
    emit_one(client.tokens.rotate(token_id, overlap_seconds=overlap), form)
    say(f"put the new key where `{token_id}` is used before the old one ends")


def emit_keys(keys: Sequence[Key], form: str) -> None:
    """A list of keys, each with whether it opens anything."""
    emit([key | {"state": _state(key["revoked_at"], key["expires_at"])} for key in keys], COLUMNS, form)


def _state(revoked_at: str | None, expires_at: str | None) -> str:
    if revoked_at is not None:
        return "revoked"
    return "expired" if expires_at is not None and ago(expires_at) > 0 else "valid"
