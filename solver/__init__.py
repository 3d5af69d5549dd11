"""Solver: thinks. Pure functions from (intent, account, snapshot) to a certified solution."""
