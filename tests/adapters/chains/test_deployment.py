"""A deployment survives its file."""

import pytest

from adapters.chains.deployment import dump, dumps, load, loads
from solver.domain.errors import Malformed, NotFound


def test_dump_and_load_are_inverse(devnet_home, tmp_path):
    path = tmp_path / "deployment.json"
    dump(devnet_home.deployment, path)
    assert load(path) == devnet_home.deployment
    assert loads(dumps(devnet_home.deployment)) == devnet_home.deployment


def test_tokens_and_markets_are_found_by_symbol(devnet_home):
    deployment = devnet_home.deployment
    assert deployment.settlement_token.address == deployment.usdc
    assert deployment.market("ETH").base.address == deployment.weth
    with pytest.raises(NotFound):
        deployment.token("DOGE")
    with pytest.raises(NotFound):
        deployment.market("DOGE")


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"tokens": []}'])
def test_anything_else_is_malformed(text):
    with pytest.raises(Malformed):
        loads(text)


def test_a_missing_file_is_not_found(tmp_path):
    with pytest.raises(NotFound):
        load(tmp_path / "none.json")
