"""`/v1/configurations`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from keeptrusts.client.collection import Collection, at, each

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keeptrusts.api.configurations import (
        CandidateDiff,
        Configuration,
        ConfigurationDraft,
        ConfigurationPatch,
        ConfigurationVersion,
        Validation,
        VersionDiff,
        VersionDraft,
    )
    from keeptrusts.api.simulations import Simulation
    from keeptrusts.api.trials import Trial, TrialDraft

    OfConfigurations = Collection[Configuration, ConfigurationDraft, ConfigurationPatch]
else:
    OfConfigurations = Collection


class Configurations(OfConfigurations):
    """Policy documents and their immutable versions."""

    path = "/v1/configurations"

    def find(self, name: str) -> Configuration | None:
        """The configuration of this name, which is unique in the organisation."""
        return next(self.each({"name": name}), None)

    def versions(self, identifier: str) -> Iterator[ConfigurationVersion]:
        """Every version, newest first."""
        return each(self._calls, at(self.path, identifier, "versions"))

    def version(self, identifier: str, number: int) -> ConfigurationVersion:
        return cast("ConfigurationVersion", self._calls.get(at(self.path, identifier, "versions", number)).value)

    def add_version(
        self, identifier: str, draft: VersionDraft, *, if_match: str | None = None, idempotency_key: str | None = None
    ) -> ConfigurationVersion:
        """The next version; the current one comes back when the document means the same."""
        path = at(self.path, identifier, "versions")
        answer = self._calls.post(path, draft, if_match=if_match, idempotency_key=idempotency_key)
        return cast("ConfigurationVersion", answer.value)

    def diff(self, identifier: str, older: int, newer: int) -> VersionDiff:
        """What changed between two versions, by lines and by meaning."""
        found = self._calls.get(at(self.path, identifier, "diff"), {"from": older, "to": newer}).value
        return cast("VersionDiff", found)

    def diff_candidate(self, identifier: str, policy_yaml: str) -> CandidateDiff:
        """What a document would change of the current version; nothing is stored."""
        body = {"policy_yaml": policy_yaml}
        return cast("CandidateDiff", self._calls.post(at(self.path, identifier, "diff"), body).value)

    def roll_back(self, identifier: str, version: int, *, if_match: str | None = None) -> Configuration:
        """Make an earlier version current again, as a new one."""
        body = {"version": version}
        answer = self._calls.post(at(self.path, identifier, "rollback"), body, if_match=if_match)
        return cast("Configuration", answer.value)

    def simulate(
        self, identifier: str, policy_yaml: str, *, window: str | None = None, sample: int | None = None
    ) -> Simulation:
        """What this document would have changed about recorded decisions; nothing is stored."""
        given = {"policy_yaml": policy_yaml, "window": window, "sample": sample}
        body = {name: value for name, value in given.items() if value is not None}
        return cast("Simulation", self._calls.post(at(self.path, identifier, "simulate"), body).value)

    def try_prompt(self, identifier: str, draft: TrialDraft) -> Trial:
        """What a document says of a prompt, and of an answer to it. Nobody is asked, and nothing is stored."""
        return cast("Trial", self._calls.post(at(self.path, identifier, "try"), draft).value)

    def validate(self, policy_yaml: str) -> Validation:
        """What the control plane's linter says; nothing is stored."""
        body = {"policy_yaml": policy_yaml}
        return cast("Validation", self._calls.post(at(self.path, "validate"), body).value)
