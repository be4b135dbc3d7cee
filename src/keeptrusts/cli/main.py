"""
`kt`: the command line.

Groups are imported when they are used, so that `kt policy lint` never pays for the control plane.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from typing import Any, Final

import click

from keeptrusts.cli.failure import Failure, stop
from keeptrusts.cli.lazy import Entry, LazyGroup
from keeptrusts.core.errors import KeeptrustsError
from keeptrusts.core.version import VERSION

COMMANDS: Final[Mapping[str, Entry]] = {
    "audit": Entry("keeptrusts.cli.audit:audit", "Who changed what, and from where."),
    "audit-log": Entry("keeptrusts.cli.audit:audit", "Another name of `audit`.", hidden=True),
    "auth": Entry("keeptrusts.cli.auth:auth", "Who you are to the control plane."),
    "bench": Entry("keeptrusts.cli.bench:bench", "Measure what a gateway adds to a request."),
    "config": Entry("keeptrusts.cli.config:config", "Configurations; and the settings of kt."),
    "console": Entry("keeptrusts.cli.console:console", "A link that signs a browser in to the console, once."),
    "detect": Entry("keeptrusts.cli.detect:detect", "What the detectors find in lines of text."),
    "dev": Entry("keeptrusts.cli.dev:dev", "Run everything on this machine: control plane, gateway, mock provider."),
    "doctor": Entry("keeptrusts.cli.doctor:doctor", "Check this machine and the way to the control plane."),
    "escalation": Entry("keeptrusts.cli.escalation:escalation", "What waits for a person, and what was decided."),
    "events": Entry("keeptrusts.cli.events:events", "What the gateways decided."),
    "export": Entry("keeptrusts.cli.export:export", "Archives of events, escalations and the audit log."),
    "export-jobs": Entry("keeptrusts.cli.export:export", "Another name of `export`.", hidden=True),
    "gateway": Entry("keeptrusts.cli.gateway:gateway", "Run gateways and manage them."),
    "init": Entry("keeptrusts.cli.init:init", "Write a first policy, and Terraform files if you like."),
    "policy": Entry("keeptrusts.cli.policy:policy", "Check policy documents."),
    "secret": Entry("keeptrusts.cli.secret:secret", "Secrets that the control plane keeps for gateways."),
    "server": Entry("keeptrusts.cli.server:server", "Run the control plane."),
    "terraform": Entry("keeptrusts.cli.terraform:terraform", "The Terraform provider."),
    "token": Entry("keeptrusts.cli.token:token", "API keys."),
    "webhook": Entry("keeptrusts.cli.webhook:webhook", "Who is told of what happens, and what was sent."),
}


class Main(LazyGroup):
    """The root: every failure that has a name becomes a message, a next step and an exit status."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeeptrustsError as error:
            raise Failure(error) from None
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise  # click ends quietly when nobody reads on
            raise _refused_by_the_system(error) from None


def _refused_by_the_system(error: OSError) -> Failure:
    reason = (error.strerror or type(error).__name__).lower()
    if error.filename is None:
        return stop(f"the system refuses: {reason}", code="system_error")
    return stop(f"`{error.filename}` cannot be used: {reason}", "choose another place, or see who may use it",
                code="system_error")  # fmt: skip


@click.group(cls=Main, entries=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="kt", message="%(prog)s %(version)s")
@click.option("--no-color", is_flag=True, help="No colour, also on a terminal. The variable NO_COLOR does the same.")
@click.pass_context
def main(context: click.Context, no_color: bool) -> None:
    """
    Keeptrusts: AI governance as code.

    Result on stdout, talk on stderr. Exit status: 0 done, 1 failed, 2 wrong input or usage, 3 a check found something,
    4 not authorised.

    \b
    Start here:
      kt dev                                    everything on this machine
      kt policy lint --file policy-config.yaml  check a policy
      kt events tail --follow                   watch what is decided
    """
    if no_color or os.environ.get("NO_COLOR"):
        context.color = False
