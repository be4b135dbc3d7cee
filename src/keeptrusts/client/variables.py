"""`/v1/config-variables`."""

from __future__ import annotations

from keeptrusts.client.collection import Collection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keeptrusts.api.variables import Variable, VariableDraft, VariablePatch

    OfVariables = Collection[Variable, VariableDraft, VariablePatch]
else:
    OfVariables = Collection


class Variables(OfVariables):
    """Secrets that documents name. Values go in and never come back."""

    path = "/v1/config-variables"
