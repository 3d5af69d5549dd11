"""Chains: how to read, simulate, send and follow; and a local one with everything on it."""
