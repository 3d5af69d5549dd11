"""The main job, shown: outcomes signed, solved, settled and re-read, by the public API only."""
