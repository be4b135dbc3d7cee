"""
The typed REST client of the control plane: one module per noun, synchronous, pure Python.

Bodies are imported for type checkers alone: at run time they are plain dicts, and importing their types takes longer
than importing the client.

`Client` is the way in. Whatever goes wrong is a `core.errors.ApiError`; the credential is in no message, log or `repr`.
"""

from keeptrusts.client.client import Client
from keeptrusts.client.collection import Fetched

__all__ = ["Client", "Fetched"]
