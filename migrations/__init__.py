"""The schema's history, forward only; `app.store.migrate` runs it at start."""
