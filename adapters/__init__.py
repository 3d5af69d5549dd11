"""Translates the outside world to and from solver.domain; decides nothing."""
