"""The compiled engine: plain loops over plain numbers, written for numba."""
