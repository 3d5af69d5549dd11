"""Data recorded elsewhere, read in place: never part of the project, whose tests pass without."""

import json
import os
import pathlib
from typing import Any

import pytest

ROOT = pathlib.Path(__file__).parents[1]
SHARED = pathlib.Path(os.environ.get("SOLVENT_SHARED", ROOT.parent / "shared"))
POOLS = SHARED / "data/amm/degenbot"  # states of pools, and what their contracts answered


def needs(path: pathlib.Path, what: str) -> pytest.MarkDecorator:
    """Returns the mark of tests that read `path`; `what` it is, in the reason when it is absent."""
    reason = f"recorded {what} absent: set SOLVENT_SHARED to their folder"
    return pytest.mark.skipif(not path.exists(), reason=reason)


def read_pools(name: str) -> Any:
    """Returns one of the documents under POOLS."""
    return json.loads((POOLS / name).read_text())
