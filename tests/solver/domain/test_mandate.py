"""A mandate hashes as wallets hash it and covers exactly what its fields say."""

from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data

from app.demo.wallet import numbers
from solver.domain.calendar import DAY
from solver.domain.errors import SolventError
from solver.domain.ids import ZERO_ADDRESS
from solver.domain.intent import NO_SLIPPAGE_LIMIT, Leg, Limits, OutcomeIntent
from solver.domain.mandate import (
    REVOKED,
    BudgetExceeded,
    Mandate,
    ScopeExceeded,
    Used,
    left_today,
    next_day,
    require_budget,
    require_covered,
    used_today,
)
from solver.domain.mandate_document import mandate_document, revoke_document
from solver.domain.typed_data import Domain, mandate_digest, revoke_digest

OWNER, AGENT = "0xe05fcc23807536bee418f142d19fa0d21bb0cff7", "0x" + "a9" * 20
WETH, USDC = "0x" + "0e" * 20, "0x" + "0c" * 20
DOMAIN = Domain(31337, "0x0000000000000000000000000000000000005e77")
KEY = (0xA11CE).to_bytes(32, "big")
NOW = 1_795_168_800
MANDATE = Mandate(
    owner=OWNER,
    subaccount=3,
    agent=AGENT,
    valid_from=NOW - 10,
    valid_to=NOW + 10,
    outcomes=("openPerp", "swap"),
    assets=(WETH, USDC),
    notional_per_day=100_000 * 10**6,
    loss_per_day=100 * 10**6,
    max_slippage_bps=50,
    max_margin_used=1_000 * 10**6,
    min_health=10**18,
    nonce=7 << 192 | 5 << 8,
)
PERP = Leg("perp", WETH, "buy", quantity_min=10**18, quantity_max=10**18)
INTENT = OutcomeIntent(
    OWNER, 3, ZERO_ADDRESS, "openPerp", (PERP,),
    Limits(USDC, max_slippage_bps=50, max_margin_used=10**9, min_health=10**18),
    False, 0, NOW + 60, 1, bytes(32),
)  # fmt: skip


def eth_account_digest(document: dict[str, Any]) -> bytes:
    signable = encode_typed_data(full_message=numbers(document, document["types"]))
    return bytes(Account.from_key(KEY).sign_message(signable).message_hash)


def test_a_grant_and_a_revocation_equal_eth_account() -> None:
    digest = mandate_digest(MANDATE, DOMAIN)
    assert eth_account_digest(mandate_document(MANDATE, DOMAIN)) == digest
    document = revoke_document(OWNER, digest, NOW, DOMAIN)
    assert eth_account_digest(document) == revoke_digest(OWNER, digest, NOW, DOMAIN)


def test_every_granted_field_changes_the_digest() -> None:
    others = [MANDATE]
    for name, value in MANDATE._asdict().items():
        changed: Any = value[:-1] if isinstance(value, tuple) else value
        if isinstance(value, int):
            changed = value + 1
        if isinstance(value, str):
            changed = "0x" + "99" * 20
        others.append(MANDATE._replace(**{name: changed}))
    assert len({mandate_digest(other, DOMAIN) for other in others}) == len(others)


def limits(**changes: Any) -> OutcomeIntent:
    return INTENT._replace(limits=INTENT.limits._replace(**changes))


OUTSIDE: list[tuple[str, Mandate, OutcomeIntent]] = [
    ("owner", MANDATE._replace(owner=AGENT), INTENT),
    ("subaccount", MANDATE, INTENT._replace(subaccount=0)),
    ("validFrom", MANDATE._replace(valid_from=NOW + 1), INTENT),
    ("validTo", MANDATE._replace(valid_to=NOW - 1), INTENT),
    ("receiver", MANDATE, INTENT._replace(receiver=OWNER)),
    ("outcomes", MANDATE, INTENT._replace(outcome="closePerp")),
    ("withdraw", MANDATE, INTENT._replace(legs=(PERP._replace(side="withdraw"),))),
    ("assets", MANDATE, INTENT._replace(legs=(PERP, PERP._replace(asset=AGENT)))),
    ("maxSlippageBps", MANDATE, limits(max_slippage_bps=51)),
    (
        "maxSlippageBps",
        MANDATE._replace(max_slippage_bps=NO_SLIPPAGE_LIMIT),
        limits(max_slippage_bps=NO_SLIPPAGE_LIMIT),
    ),
    ("maxMarginUsed", MANDATE, limits(max_margin_used=10**9 + 1)),
    ("minHealth", MANDATE, limits(min_health=10**18 - 1)),
]


@pytest.mark.parametrize(("rule", "mandate", "intent"), OUTSIDE, ids=[row[0] for row in OUTSIDE])
def test_what_a_field_does_not_grant_is_named(
    rule: str, mandate: Mandate, intent: OutcomeIntent
) -> None:
    with pytest.raises(ScopeExceeded) as refused:
        require_covered(mandate, intent, NOW, places=6)
    assert (refused.value.code, refused.value.data["rule"]) == ("scopeExceeded", rule)
    assert set(refused.value.data) == {"rule", "wanted", "granted"}
    assert len(refused.value.detail.split()) > 3


def test_what_is_exactly_granted_is_covered() -> None:
    require_covered(MANDATE, INTENT, NOW)
    require_covered(MANDATE, INTENT, NOW + 10)
    require_covered(MANDATE, INTENT, NOW - 10)


def word(day: int, used: Used) -> int:
    return day << 224 | used.notional << 112 | used.loss


def test_the_meter_counts_the_day_and_forgets_it() -> None:
    today, spent = NOW // DAY, Used(99_999 * 10**6, 10 * 10**6)
    assert used_today(word(today, spent), NOW) == spent
    assert used_today(word(today - 1, spent), NOW) == Used()
    assert left_today(MANDATE, word(today, spent), NOW) == Used(10**6, 90 * 10**6)
    require_budget(MANDATE, word(today, spent), Used(10**6, 90 * 10**6), NOW)
    require_budget(MANDATE, word(today - 1, spent), Used(100_000 * 10**6, 0), NOW)


def test_a_budget_that_is_used_up_says_what_is_left_and_until_when() -> None:
    spent = word(NOW // DAY, Used(99_999 * 10**6, 0))
    with pytest.raises(BudgetExceeded) as refused:
        require_budget(MANDATE, spent, Used(2 * 10**6, 0), NOW, places=6)
    assert refused.value.data == {
        "rule": "notionalPerDay",
        "wanted": str(100_001 * 10**6),
        "granted": str(100_000 * 10**6),
        "left": str(10**6),
        "resetsAt": str(next_day(NOW)),
    }
    assert "needs 2 of today's notional, of which 1 is left" in refused.value.detail
    with pytest.raises(BudgetExceeded) as lost:
        require_budget(MANDATE, 0, Used(0, 100 * 10**6 + 1), NOW)
    assert lost.value.data["rule"] == "lossPerDay"


def test_a_revoked_mandate_carries_nothing() -> None:
    assert left_today(MANDATE, REVOKED, NOW) == Used()
    with pytest.raises(SolventError) as refused:
        require_budget(MANDATE, REVOKED, Used(), NOW)
    assert (refused.value.code, refused.value.data["rule"]) == ("scopeExceeded", "revoked")
