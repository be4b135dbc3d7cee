"""`kt events why`: a decision in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import click

from keeptrusts.cli.connection import with_client
from keeptrusts.cli.output import paint, shown

if TYPE_CHECKING:
    from keeptrusts.client import Client

GENERAL: Final[Mapping[str, str]] = {
    "all_policies_passed": "every policy let it pass",
    "escalation_approved": "a person had approved it",
    "escalation_pending": "a person had not decided yet",
    "escalation_denied": "a person had decided against it",
    "escalation_expired": "nobody decided in time",
    "escalation_spent": "the approval had been used before",
    "escalation_mismatch": "the decision was about another request",
    "rate_limit": "the caller made too many requests",
    "request_unreadable": "the request could not be read, and what cannot be read is refused",
    "configuration_disabled": "the configuration is switched off",
    "body_too_large": "the request was too large",
    "client_gone": "the client left before the end",
    "gateway_crashed": "the gateway met a bug of its own, and refused",
    "no_provider": "the configuration names no provider",
}
"""Reasons that no policy gives."""


@click.command()
@click.argument("event_id")
@with_client
def why(client: Client, event_id: str) -> None:
    """
    Say why a decision was what it was: which policy objected, to what, and under which configuration.

    \b
      kt events why evt_0193...
    """
    event: Mapping[str, Any] = {**client.events.get(event_id)}
    for line in explain(event):
        click.echo(line)


def explain(event: Mapping[str, Any]) -> Iterator[str]:
    """Line by line; only what the record holds, never content."""
    if event.get("event_type") == "gap":
        lost = f"records {event.get('from_sequence')} to {event.get('to_sequence')} of `{event.get('instance_id')}`"
        yield f"not a decision: {lost} were lost ({event.get('reason')})"
        return
    verdict, reason = shown(event.get("verdict")), shown(event.get("reason_code"))
    phase = f" in the phase `{event['phase']}`" if event.get("phase") else ""
    yield f"{paint(verdict)} with status {event.get('status')}{phase}: {reason}"
    general = GENERAL.get(reason)
    if general is not None:
        yield f"  {general}"
    for one in event.get("policies") or ():
        if one.get("verdict") not in {"allowed", "skipped"} or one.get("findings"):
            yield f"  {_policy(one)}"
    skipped = [one["kind"] for one in event.get("policies") or () if one.get("verdict") == "skipped"]
    if skipped:
        yield f"  not asked any more: {', '.join(f'`{kind}`' for kind in dict.fromkeys(skipped))}"
    yield from _context(event)


def _policy(result: Mapping[str, Any]) -> str:
    found = ", ".join(f"{one['count']} x {one['category']}" for one in result.get("findings") or ())
    shadow = "" if result.get("mode", "enforce") == "enforce" else f" (mode `{result['mode']}`)"
    said = f"`{result['kind']}` said {paint(shown(result['verdict']))} in `{result['phase']}`{shadow}"
    return f"{said}: {shown(result['reason_code'])}" + (f"; found {found}" if found else "")


def _context(event: Mapping[str, Any]) -> Iterator[str]:
    if event.get("degraded"):
        yield "  a policy failed, and `--fail-mode allow` let the request pass"
    if event.get("escalation_id"):
        yield f"  next: kt escalation show {event['escalation_id']}"
    if event.get("configuration_id"):
        version = event.get("configuration_version")
        yield f"  configuration `{event['configuration_id']}` version {version} ({shown(event.get('config_digest'))})"
    asked = " to ".join(shown(event[name]) for name in ("model", "provider") if event.get(name))
    if asked:
        yield f"  asked {asked}, at {shown(event.get('timestamp'))}"
