"""What the risk signers attest: the Python twin of contracts/src/types/Report.sol."""

from typing import NamedTuple

from solver.domain.numbers import UINT256_MAX

DELTA_ONLY = UINT256_MAX  # as im and mm: SIMPLE keeps gating the account
REPORT_SECONDS_MAX = 60


class Mark(NamedTuple):
    """Price of one instrument, 1e18 settlement units."""

    instrument: int
    price: int


class AccountRisk(NamedTuple):
    """Risk of one account after the plan. Money is atoms, net delta 1e18 of the market's base."""

    account: bytes
    positions_before: bytes
    positions_after: bytes
    options_mtm: int
    im_before: int
    im: int
    mm: int
    net_delta: int
    market: int


class Report(NamedTuple):
    """One attested statement, good from as_of to valid_until (unix seconds, at most 60 apart)."""

    snapshot_hash: bytes
    as_of: int
    valid_until: int
    marks: tuple[Mark, ...] = ()
    accounts: tuple[AccountRisk, ...] = ()


NO_REPORT = Report(b"\0" * 32, 0, 0)
