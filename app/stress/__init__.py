"""Crashes replayed: recorded prices, made-up accounts, the real risk code, and a report on it."""
