"""`python -m app.maker`: the maker alone, configured by SOLVENT_*."""

import asyncio

from app.config import Settings
from app.maker.session import run

if __name__ == "__main__":
    asyncio.run(run(Settings.load()))
