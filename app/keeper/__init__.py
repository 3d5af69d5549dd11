"""What expiries need from outside: a price fixed from the feed's rounds, and everybody paid."""

from app.keeper.duty import attestable
from app.keeper.holders import LedgerHolders, TradedHolders
from app.keeper.keep import Keeper
from app.keeper.start import alone, inside

__all__ = ["Keeper", "LedgerHolders", "TradedHolders", "alone", "attestable", "inside"]
