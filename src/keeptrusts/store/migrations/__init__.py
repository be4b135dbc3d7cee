"""The one migration tree; `store.migrating` runs it on both engines."""
