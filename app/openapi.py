"""Writes openapi/: the document, an example per outcome kind, signing vectors; the same anywhere.

Run `python -m app.openapi` after a change of the API; a test fails while the files are not current.
"""

import json
import pathlib
from typing import Any

from app import vectors
from app.config import Settings
from app.main import create_app
from solver.intents import examples

FOLDER = pathlib.Path(__file__).parent.parent / "openapi"


def files() -> dict[str, str]:
    """Returns the text of every generated file by its path below openapi/."""
    app = create_app(settings=Settings())
    made = {"openapi.json": _text(app.openapi()), "signing_vectors.json": vectors.text()}
    for kind, example in sorted(examples().items()):
        made[f"examples/{kind}.json"] = _text(example)
    return made


def _text(value: Any) -> str:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def main() -> None:
    """Writes the files."""
    for name, text in files().items():
        path = FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
