"""Metrics of several workers as one text."""

from __future__ import annotations

from keeptrusts.gateway.peers import labelled

ONE = b"""# HELP a_total What a is.
# TYPE a_total counter
a_total 1.0
# HELP b What b is.
# TYPE b histogram
b_bucket{le="0.1",x="}{"} 1.0
b_count 3.0
"""
TWO = b"""# HELP a_total What a is.
# TYPE a_total counter
a_total 2.0
# HELP c What c is.
# TYPE c gauge
c{digest="sha256:0"} 1.0
"""


def test_families_stay_together() -> None:
    """Each has its head once, and every sample says whose it is."""
    assert labelled({"1": ONE, "2": TWO}).decode() == (
        "# HELP a_total What a is.\n"
        "# TYPE a_total counter\n"
        'a_total{worker="1"} 1.0\n'
        'a_total{worker="2"} 2.0\n'
        "# HELP b What b is.\n"
        "# TYPE b histogram\n"
        'b_bucket{worker="1",le="0.1",x="}{"} 1.0\n'
        'b_count{worker="1"} 3.0\n'
        "# HELP c What c is.\n"
        "# TYPE c gauge\n"
        'c{worker="2",digest="sha256:0"} 1.0\n'
    )
