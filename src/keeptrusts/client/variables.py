"""`/v1/config-variables`."""

from __future__ import annotations

from keeptrusts.api.variables import Variable, VariableDraft, VariablePatch
from keeptrusts.client.collection import Collection


class Variables(Collection[Variable, VariableDraft, VariablePatch]):
    """Secrets that documents name. Values go in and never come back."""

    path = "/v1/config-variables"
