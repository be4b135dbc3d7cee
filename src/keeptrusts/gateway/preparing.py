"""
A configuration ready to judge at once.

Detectors are built when they are first asked, which takes up to a second; done by a request, every other request would
wait for it. So the first configuration is asked before it is put in force. Later ones are not: they share detectors
with the one in force, which the event loop may be using, and a detector reads one text at a time.
"""

from __future__ import annotations

from keeptrusts.policy.compiled import CompiledPolicy
from keeptrusts.policy.document import compile_document
from keeptrusts.policy.warming import warm


def prepare(text: str, *, fail_open: bool, is_first: bool) -> CompiledPolicy:
    """
    Compile a document; build what judges, too, when nothing is in force yet.

    Raises:
        InputError: It does not lint.
    """
    compiled = compile_document(text, fail_open=fail_open)
    if is_first:
        warm(compiled.chain)
    return compiled
