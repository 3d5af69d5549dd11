"""The main job, shown: outcomes signed, solved, settled and re-read, through the public API only."""
