"""What every test stands on: one keccak back end and reproducible examples."""

import os

from hypothesis import settings

os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):  # as in the solver's process (app.solving)
    os.environ.setdefault(name, "1")

# A test must fail on every machine or on none: examples are derived from the test itself and never
# judged by the clock. The night draws many more, and new ones.
settings.register_profile("day", derandomize=True, deadline=None, max_examples=60)
settings.register_profile("night", deadline=None, max_examples=5_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "day"))
