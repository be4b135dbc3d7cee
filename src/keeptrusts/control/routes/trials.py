"""`/v1/configurations/{id}/try`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, cast

from fastapi import APIRouter

from keeptrusts.api.trials import Trial, TrialDraft, TrialResult
from keeptrusts.control import policies
from keeptrusts.control.auth import ConfigurationReader
from keeptrusts.control.floor import FLOOR
from keeptrusts.control.problem import ProblemError
from keeptrusts.control.services import AppServices, Services
from keeptrusts.control.turns import Turns
from keeptrusts.store.configurations import Configurations

if TYPE_CHECKING:
    from keeptrusts.flow.playground import Trial as Played
    from keeptrusts.policy.compiled import CompiledPolicy

router = APIRouter(prefix="/v1/configurations", tags=["configurations"])
TURNS: Final = Turns(each=2, together=4)


@router.post("/{configuration_id}/try")
def try_prompt(configuration_id: str, draft: TrialDraft, actor: ConfigurationReader, services: AppServices) -> Trial:
    """
    Judge a prompt, and an answer to it, as a gateway would. Nobody is asked, nothing is stored; two run at a time.

    A kind that asks a service is left out; `not_as_served` names it, and what else may differ.
    """
    if "version" in draft and "policy_yaml" in draft:
        raise ProblemError(422, "invalid_input", "send either `version` or `policy_yaml`")
    with TURNS.taken(actor.org):
        version, policy_yaml = _document(services, actor.org, configuration_id, draft)
        compiled = policies.compile_policy(policy_yaml)
        with FLOOR.taken():
            played = _played(compiled, draft)
        return _shown(version, compiled.digest, played)


def _document(services: Services, org: str, configuration_id: str, draft: TrialDraft) -> tuple[int | None, str]:
    with services.store.read() as tx:
        mine = Configurations(tx.connection, org)
        current = mine.read(configuration_id).shown
        if "policy_yaml" in draft:
            return None, draft["policy_yaml"]
        number = draft.get("version", current["version"])
        return number, mine.version(configuration_id, number)["policy_yaml"]


def _played(policy: CompiledPolicy, draft: TrialDraft) -> Played:
    from keeptrusts.flow.playground import Given, try_prompt
    from keeptrusts.policy.warming import warm

    warm(policy.chain)  # or the first one to try it would read how long detectors take to be built
    given = Given(
        prompt=draft["prompt"],
        answer=draft.get("answer"),
        stream=draft.get("stream", False),
        model=draft.get("model"),
        headers=draft.get("headers", {}),
    )
    return try_prompt(policy, given, time.perf_counter_ns)


def _shown(version: int | None, digest: str, played: Played) -> Trial:
    from keeptrusts.flow.playground import REASONS

    return {
        "version": version,
        "content_digest": digest,
        "verdict": played.verdict,
        "reason_code": played.reason_code,
        "phase": played.phase,
        "shadow_verdict": played.shadow_verdict,
        "prompt": played.prompt,
        "answer": played.answer,
        "instructions": list(played.instructions),
        "policies": [cast("TrialResult", one.as_json()) for one in played.results],
        "not_as_served": [
            {"kind": one.kind, "reason": one.reason, "description": REASONS[one.reason]} for one in played.differing
        ],
    }
