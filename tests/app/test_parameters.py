"""A parameters file is what a risk key of its chain signed, within its bounds, or it is nothing."""

import json

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from hypothesis import given
from hypothesis import strategies as st
from rfc8785 import dumps

from adapters.base import word
from adapters.chains.devnet.keys import dev_keys
from adapters.chains.settlement import view
from app.board import Board
from app.feeds import Feeds, load_listing
from app.parameters import (
    BUILT_IN,
    MarketParameters,
    Parameters,
    digest,
    issue,
    load,
    read,
    require_signer,
    store,
)
from app.verify import recover
from solver.domain.calendar import DAY
from solver.domain.errors import Malformed, NotFound, Refused, SolventError, Unauthorized
from solver.domain.numbers import WAD
from solver.domain.risk import MarketRisk
from solver.domain.typed_data import keccak
from solver.margin.predictive.breach import LEVELS
from tests.app.test_feeds import DEPLOYMENT, NOW, PARAMS, FakeNode, Followed

CHAIN = 31338
RISK1 = dev_keys()["risk1"]
BEFORE = MarketRisk()
AFTER = MarketRisk(
    "b", 250_000, 250_000, 600_000, 350_000, 55_000, 7 * WAD, tuple(range(len(LEVELS)))
)
MADE = Parameters(
    "b", CHAIN, NOW, (("ETH", MarketParameters(140_000, AFTER, BEFORE, "2026-11-19")),)
)
TEXT = issue(MADE, RISK1.secret)


def test_what_was_issued_is_read_back_with_its_signer(tmp_path):
    assert read(TEXT, CHAIN) == MADE._replace(signer=RISK1.address)
    store(tmp_path / "p.json", TEXT)
    assert load(tmp_path / "p.json", CHAIN)._replace(path="") == read(TEXT, CHAIN)
    assert [path.name for path in tmp_path.iterdir()] == ["p.json"]


def test_the_signature_is_eip_712_as_wallets_make_it():
    body = json.loads(TEXT)
    signature = bytes.fromhex(body.pop("signature")[2:])
    message = encode_typed_data(
        domain_data={"name": "Solvent risk parameters", "version": "1", "chainId": CHAIN},
        message_types={
            "RiskParameters": [
                {"name": "version", "type": "string"},
                {"name": "issuedAt", "type": "uint256"},
                {"name": "content", "type": "bytes32"},
            ]
        },
        message_data={"version": "b", "issuedAt": NOW, "content": keccak(dumps(body))},
    )
    assert Account.recover_message(message, signature=signature).lower() == RISK1.address
    assert recover(digest(body), signature) == RISK1.address


def leaves(value, path=()):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from leaves(inner, (*path, at))
    else:
        yield path


@given(st.sampled_from(sorted(leaves(json.loads(TEXT)), key=str)), st.integers(1, 10**6))
def test_no_word_of_it_can_be_changed(path, other):
    body = json.loads(TEXT)
    inner = body
    for key in path[:-1]:
        inner = inner[key]
    old = inner[path[-1]]
    inner[path[-1]] = (old + other) if isinstance(old, int) else str(old)[:-1] + "é"
    with pytest.raises(SolventError):
        read(json.dumps(body), CHAIN)


@pytest.mark.parametrize(
    "change",
    [
        {"spot_initial": 289_000},
        {"spot_maintenance": 107_000},
        {"vol_up": 10**6},
        {"vol_down": 1},
        {"daily": 0},
        {"daily": 10**6 + 1},
        {"depth": -1},
        {"tails": (1, 2, 3)},
        {"tails": tuple(reversed(range(len(LEVELS))))},
        {"version": ""},
        {"spot_initial": 150_000, "spot_maintenance": 160_000},
    ],
)
def test_no_key_can_sign_parameters_out_of_their_bounds(change):
    market = MarketParameters(140_000, AFTER._replace(**change), BEFORE)
    with pytest.raises(Malformed) as caught:
        read(issue(MADE._replace(markets=(("ETH", market),)), RISK1.secret), CHAIN)
    assert caught.value.code == "parametersMalformed"


@pytest.mark.parametrize("text", ["", "[]", "{}", "nonsense", TEXT[:-9], '{"format": "other"}'])
def test_what_is_no_parameters_file_is_refused(text):
    with pytest.raises(Malformed):
        read(text, CHAIN)


def test_another_chains_and_anothers_signature_are_refused(tmp_path):
    with pytest.raises(Refused, match="chain 31338"):
        read(TEXT, 1)
    body = json.loads(TEXT)
    body["signer"] = dev_keys()["risk2"].address
    with pytest.raises(Unauthorized):
        read(json.dumps(body), CHAIN)
    with pytest.raises(NotFound):
        load(tmp_path / "none.json", CHAIN)
    (tmp_path / "big.json").write_text(" " * (2**20 + 1))
    with pytest.raises(Malformed, match="larger"):
        load(tmp_path / "big.json", CHAIN)


async def test_who_signed_must_be_a_risk_signer_of_the_chain():
    node, found = FakeNode(), read(TEXT, CHAIN)
    asked = view("Params", PARAMS, "isSigner", RISK1.address)
    for answer in (None, word(0)):
        if answer is not None:
            node.answers[asked] = answer
        with pytest.raises(Unauthorized, match="no risk signer") as caught:
            await require_signer(node, DEPLOYMENT, found)
        assert caught.value.code == "notSigner"
    node.answers[asked] = word(1)
    await require_signer(node, DEPLOYMENT, found)


def test_maintenance_gets_a_days_notice_unless_the_market_moves():
    fresh = MADE.in_force("ETH", NOW + DAY - 1)
    assert (fresh.spot_initial, fresh.spot_maintenance, fresh.vol_up) == (250_000, 180_000, 500_000)
    assert MADE.in_force("ETH", NOW + DAY) == AFTER
    assert MADE.in_force("ETH", NOW, 4_000 * WAD, 3_600 * WAD) == AFTER
    assert MADE.in_force("ETH", NOW, 4_000 * WAD, 3_800 * WAD) == fresh
    assert MADE.in_force("BTC", NOW) == BUILT_IN.in_force("ETH", NOW) == MarketRisk()


def test_notice_outlives_the_next_file():
    next_one = MarketParameters(140_000, AFTER, MADE.in_force("ETH", NOW + 3_600))
    later = Parameters("c", CHAIN, NOW + 3_600, (("ETH", next_one),))
    assert later.in_force("ETH", NOW + DAY).spot_maintenance == 180_000
    assert later.in_force("ETH", NOW + DAY + 3_600) == AFTER


async def test_the_feeds_put_them_in_force_block_by_block():
    node = FakeNode()
    made = Followed(node, Board(await load_listing(node, DEPLOYMENT)))
    made.feeds = Feeds(node, made.board, made.clock, DEPLOYMENT, MADE)  # type: ignore[arg-type]
    await made.feeds.step()
    assert made.eth().risk.spot_maintenance == 180_000
    assert made.eth().risk.spot_initial == 250_000
    node.mine(seconds=3_600)
    node.price(4_400, at=NOW + 3_600)
    await made.feeds.step()
    assert made.eth().risk == AFTER, "the market moved a tenth in an hour"
    node.mine(seconds=3_600)
    node.price(4_400, at=NOW + 7_200)
    await made.feeds.step()
    assert made.eth().risk.spot_maintenance == 180_000, "and stood still for the next"
    node.mine(seconds=DAY)
    node.price(4_400, at=NOW + 7_200 + DAY)
    await made.feeds.step()
    assert made.eth().risk == AFTER
