"""A market maker of our own: own process and key, and nothing of the service but its public API."""

from app.maker.session import run

__all__ = ["run"]
