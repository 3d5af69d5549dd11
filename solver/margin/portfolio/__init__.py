"""PORTFOLIO margin: an account revalued in scenarios, by floats once and by integers ever after."""
