"""One Program in, one Solution out: curves, split, selection, rounding, and the proof of it."""
