"""What happens to an account that fails: protection, cures, and the auction when nothing helped."""

from app.liquidator.deleverage import Deleverager, deleveraging
from app.liquidator.reports import reports_of
from app.liquidator.start import inside
from app.liquidator.watch import Liquidator

__all__ = ["Deleverager", "Liquidator", "deleveraging", "inside", "reports_of"]
