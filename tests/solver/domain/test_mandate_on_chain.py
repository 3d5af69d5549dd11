"""What a mandate covers off chain is what the deployed contract settles under it, rule by rule.

Every case is a real `settle` with an empty plan, as a call: what the mandate covers passes or is
refused later, by another name. Fields are drawn around their bounds, most of them just outside.
"""

import random
from typing import Any

from adapters.base import Reverted
from adapters.chains.devnet import Devnet
from adapters.chains.settlement import (
    ItemValue,
    Mandated,
    PlanValue,
    decode,
    decode_error,
    decode_mandated,
    encode,
    encode_mandated,
    encode_settle,
)
from app.verify import sign
from solver.domain.errors import Broken
from solver.domain.ids import ZERO_ADDRESS, Address
from solver.domain.intent import NO_SLIPPAGE_LIMIT, Leg, Limits, OutcomeIntent, SignedIntent
from solver.domain.mandate import Mandate, ScopeExceeded, require_covered
from solver.domain.typed_data import Domain, intent_digest, mandate_digest
from tests.devnet_fixture import devnet, devnet_home

__all__ = ["devnet", "devnet_home"]
CASES = 400
OWNER, AGENT = "alice", "bob"
NUMBERS = {"validFrom", "validTo", "maxSlippageBps", "maxMarginUsed", "minHealth", "subaccount"}
# By what a field is moved off its bound, and how often it stays on it.
STEPS = (0, 0, 0, 0, 0, 0, -1, 1)


class Draw:
    """One random mandate and an intent near it."""

    def __init__(self, devnet: Devnet, now: int, seed: int) -> None:
        self.random, self.now = random.Random(seed), now
        self.owner, self.agent = devnet.keys[OWNER].address, devnet.keys[AGENT].address
        weth, usdc = devnet.deployment.weth, devnet.deployment.usdc
        self.weth, self.tokens = weth, (weth, usdc, devnet.deployment.router)

    def near(self, value: int) -> int:
        return max(0, value + self.random.choice(STEPS))

    def rarely(self, odd: Any, usual: Any) -> Any:
        return odd if self.random.random() < 0.06 else usual

    def mandate(self) -> Mandate:
        words = ("swap", "openPerp", "coveredCall")
        return Mandate(
            owner=self.rarely(self.agent, self.owner),
            subaccount=self.near(1),
            agent=self.agent,
            valid_from=self.now + self.random.choice((0, 0, -9, -9, 1)),
            valid_to=self.now + self.random.choice((0, 9, 9, 9, -1)),
            outcomes=tuple(self.random.sample(words, self.random.choice((0, 2, 3, 3, 3)))),
            assets=tuple(self.random.sample(self.tokens[:2], self.random.choice((1, 2, 2, 2)))),
            notional_per_day=self.random.getrandbits(200),
            loss_per_day=self.random.getrandbits(30),
            max_slippage_bps=self.rarely(NO_SLIPPAGE_LIMIT, 50),
            max_margin_used=self.rarely(2**256 - 1, 10**9),
            min_health=self.near(10**18),
            nonce=9 << 8,
        )

    def intent(self) -> OutcomeIntent:
        slippage = self.rarely(NO_SLIPPAGE_LIMIT, self.near(50))
        limits = Limits(
            self.tokens[1],
            max_slippage_bps=self.rarely(NO_SLIPPAGE_LIMIT - 1, slippage),
            max_margin_used=self.rarely(2**256 - 1, self.near(10**9)),
            min_health=self.near(10**18),
        )
        sides = ("buy", "sell", "buy", "sell", "buy", "withdraw")
        legs = tuple(
            Leg("perp", self.rarely(self.tokens[2], self.asset()), self.random.choice(sides))
            for _ in range(self.random.choice((1, 1, 2)))
        )
        return OutcomeIntent(
            owner=self.owner,
            subaccount=self.near(1),
            receiver=self.rarely(self.owner, ZERO_ADDRESS),
            outcome=self.rarely("closePerp", "openPerp"),
            legs=legs,
            limits=limits,
            is_partially_fillable=False,
            valid_from=0,
            valid_to=self.now + 600,
            nonce=7 << 8,
            app_data=bytes(32),
        )

    def asset(self) -> Address:
        return self.random.choice((self.weth, self.weth, self.tokens[1]))


def refusal(mandate: Mandate, intent: OutcomeIntent, now: int) -> tuple[str, str, str] | None:
    """Returns (rule, wanted, granted) of ours, None when it is covered."""
    try:
        require_covered(mandate, intent, now)
    except ScopeExceeded as error:
        rule = str(error.data["rule"])
        numbers = (str(error.data["wanted"]), str(error.data["granted"]))
        return (rule, *numbers) if rule in NUMBERS else (rule, "", "")
    return None


async def chain_refusal(
    devnet: Devnet, domain: Domain, mandate: Mandate, intent: OutcomeIntent
) -> tuple[str, str, str] | None:
    """Returns the contract's (rule, wanted, granted), None when another word refuses later."""
    by_owner = sign(mandate_digest(mandate, domain), devnet.keys[OWNER].secret)
    by_agent = sign(intent_digest(intent, domain), devnet.keys[AGENT].secret)
    signature = encode_mandated(Mandated(mandate, by_owner, by_agent))
    data = encode_settle([ItemValue(SignedIntent(intent, "mandate", signature), PlanValue())])
    solver = devnet.keys["solver"].address
    try:
        await devnet.chain.call(domain.verifying_contract, data, from_=solver)
        return None
    except Reverted as reverted:
        name, told = decode_error(reverted.raw)
    if name != "ScopeExceeded":
        return None
    rule = told["rule"]
    return (rule, str(told["wanted"]), str(told["granted"])) if rule in NUMBERS else (rule, "", "")


async def test_the_same_rules_refuse_in_the_same_order(devnet: Devnet) -> None:
    head = await devnet.chain.head()
    domain = Domain(devnet.deployment.chain_id, devnet.deployment.settlement)
    seen: set[str | None] = set()
    for seed in range(CASES):
        draw = Draw(devnet, head.timestamp, seed)
        mandate, intent = draw.mandate(), draw.intent()
        ours = refusal(mandate, intent, head.timestamp)
        theirs = await chain_refusal(devnet, domain, mandate, intent)
        assert ours == theirs, (seed, mandate, intent)
        seen.add(ours[0] if ours else None)
    assert seen >= NUMBERS | {None, "owner", "receiver", "outcomes", "withdraw", "assets"}, seen


async def test_the_contract_hashes_a_mandate_alike(devnet: Devnet) -> None:
    domain = Domain(devnet.deployment.chain_id, devnet.deployment.settlement)
    for seed in range(5):
        mandate = Draw(devnet, 1_795_000_000, seed).mandate()
        answer = await devnet.chain.call(
            domain.verifying_contract, encode("Settlement", "mandateDigest", mandate)
        )
        assert decode("Settlement", "mandateDigest", answer) == mandate_digest(mandate, domain)


def test_a_composed_signature_is_reversible_and_garbage_is_told(devnet: Devnet) -> None:
    mandated = Mandated(Draw(devnet, 1_795_000_000, 3).mandate(), b"o" * 65, b"a" * 70)
    raw = encode_mandated(mandated)
    assert decode_mandated(raw) == mandated
    rng = random.Random(1)
    for _ in range(300):
        broken = bytearray(raw[: rng.randrange(len(raw))] if rng.random() < 0.3 else raw)
        for _ in range(rng.randrange(1, 4)):
            if broken:
                broken[rng.randrange(len(broken))] = rng.randrange(256)
        try:
            decode_mandated(bytes(broken))
        except Broken:
            continue
