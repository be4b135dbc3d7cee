"""
Decides: document -> findings, document -> chain -> verdict. Pure: no I/O, no clock.

Compiled packages are imported only where a text is judged, so the Terraform provider carries the rest.
"""
