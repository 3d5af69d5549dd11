"""Re-margins every account that holds anything at every snapshot, and says so in its log."""

from app.monitor.watch import Judged, Monitor, Watcher

__all__ = ["Judged", "Monitor", "Watcher"]
