"""
The typed REST client of the control plane: one module per noun, synchronous, pure Python.

`Client` is the way in. Whatever goes wrong is a `core.errors.ApiError`; the credential is in no message, log or `repr`.
"""

from keeptrusts.client.client import Client
from keeptrusts.client.collection import Fetched

__all__ = ["Client", "Fetched"]
