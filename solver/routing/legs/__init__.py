"""Option legs: which contracts, makers and lots fill what is wanted, and what a row is worth."""

from solver.routing.legs.chosen import chosen_fills as chosen_fills
from solver.routing.legs.contracts import row_prices as row_prices
from solver.routing.legs.fills import best_fills as best_fills
