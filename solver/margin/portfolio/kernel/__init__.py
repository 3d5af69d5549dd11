"""Many accounts at once, in floats that know how wrong they may be."""
