"""`kt escalation`: what a policy withheld until a person decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from keeptrusts.cli.connection import with_client
from keeptrusts.cli.output import emit, emit_one, format_option, say

if TYPE_CHECKING:
    from keeptrusts.api.escalations import Outcome
    from keeptrusts.client import Client

STATES: Final = ("queued", "claimed", "resolved", "expired")
OUTCOMES: Final = ("approved", "denied")
COLUMNS: Final = ("id", "state", "outcome", "policy", "reason_code", "stage", "claimed_by", "due_at")


@click.group()
def escalation() -> None:
    """What waits for a person, and what was decided."""


@escalation.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only these.")
@click.option("--outcome", type=click.Choice(OUTCOMES), help="Only these.")
@click.option("--policy", help="Only what this kind escalated.")
@click.option("--assignee", help="Only those meant for this person.")
@format_option("table", "json", "jsonl", "csv", "yaml")
@with_client
def list_escalations(client: Client, /, form: str, **given: str | None) -> None:
    """
    Every escalation, newest first.

    \b
      kt escalation list --state queued
    """
    emit(list(client.escalations.each(given)), COLUMNS, form)


@escalation.command()
@click.argument("escalation_id")
@click.option("--held", is_flag=True, help="Show what is held instead: the request, or the answer as it would go out.")
@format_option("table", "json", "yaml")
@with_client
def show(client: Client, escalation_id: str, form: str, *, held: bool) -> None:
    """
    One escalation: why, for whom, until when.

    \b
      kt escalation show esc_0193...
      kt escalation show esc_0193... --held
    """
    emit_one(client.escalations.held(escalation_id) if held else client.escalations.get(escalation_id), form)


@escalation.command()
@click.argument("escalation_id")
@format_option("table", "json", "yaml")
@with_client
def claim(client: Client, escalation_id: str, form: str) -> None:
    """
    Take it on: nobody else but an admin decides it from now on.

    \b
      kt escalation claim esc_0193...
    """
    emit_one(client.escalations.claim(escalation_id), form)


@escalation.command()
@click.argument("escalation_id")
@format_option("table", "json", "yaml")
@with_client
def unclaim(client: Client, escalation_id: str, form: str) -> None:
    """
    Give it back to the queue.

    \b
      kt escalation unclaim esc_0193...
    """
    emit_one(client.escalations.unclaim(escalation_id), form)


@escalation.command()
@click.argument("escalation_id")
@click.option("--outcome", type=click.Choice(OUTCOMES), required=True, help="What you decide.")
@click.option("--reason", required=True, help="Why; it is kept with the decision.")
@format_option("table", "json", "yaml")
@with_client
def resolve(client: Client, escalation_id: str, form: str, *, outcome: Outcome, reason: str) -> None:
    """
    Approve or deny what is held.

    An approval is of the held bytes alone, and is given out once within 24 hours.

    \b
      kt escalation resolve esc_0193... --outcome approved --reason "checked with the customer"
      kt escalation resolve esc_0193... --outcome denied --reason "names a third party"
    """
    emit_one(client.escalations.resolve(escalation_id, outcome, reason), form)
    if outcome == "approved":
        say(f"the caller gets it by repeating the request with `x-keeptrusts-escalation: {escalation_id}`")
