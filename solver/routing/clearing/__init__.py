"""Batch clearing: one price vector at which many limit orders and pools trade with one another."""
