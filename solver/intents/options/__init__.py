"""Kinds made of options: a kind is one file over `structure`, contracts by name or by selector."""
