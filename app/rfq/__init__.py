"""Requests for quotes: the desk that asks makers, and the words it shares with them."""

from app.rfq.desk import RfqDesk

__all__ = ["RfqDesk"]
