"""What the chain says, brought to the board at every head, and what is listed there."""

from app.feeds.follow import Feeds
from app.feeds.listing import load_listing

__all__ = ["Feeds", "load_listing"]
