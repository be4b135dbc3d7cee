"""The words every layer speaks: exchange, verdict, decision, errors, ids, canonical JSON. Standard library only."""
