"""ABIs become functions, errors and events; libraries fill their holes."""

import json
from typing import Any

import pytest

from adapters.chains import abi
from solver.domain.errors import Broken, Unavailable

OWNER = "0x" + "11" * 20
ABI: list[dict[str, Any]] = [
    {"type": "constructor", "inputs": [{"name": "owner", "type": "address"}]},
    {
        "type": "function",
        "name": "pay",
        "inputs": [
            {
                "name": "legs",
                "type": "tuple[]",
                "components": [
                    {"name": "to", "type": "address"},
                    {"name": "amount", "type": "uint256"},
                ],
            }
        ],
        "outputs": [{"name": "", "type": "int256"}],
    },
    {"type": "function", "name": "pay", "inputs": [], "outputs": []},
    {"type": "error", "name": "Poor", "inputs": [{"name": "held", "type": "uint256"}]},
    {
        "type": "event",
        "name": "Paid",
        "inputs": [
            {"name": "amount", "type": "uint256", "indexed": False},
            {"name": "to", "type": "address", "indexed": True},
        ],
    },
]


def test_tuples_and_overloads_are_named_by_their_full_signature():
    functions = abi.interface(ABI).functions
    assert set(functions) == {"pay((address,uint256)[])", "pay()"}
    call = functions["pay((address,uint256)[])"].encode([(OWNER, 7)])
    assert functions["pay((address,uint256)[])"].decode_args(call) == {"legs": ((OWNER, 7),)}


def test_well_known_selectors_come_out():
    assert abi.function("transfer(address,uint256)").selector.hex() == "a9059cbb"
    assert abi.topic("Transfer(address,address,uint256)").startswith("0xddf252ad")


def test_an_event_keeps_the_order_of_its_declaration():
    (event,) = abi.interface(ABI).events.values()
    topics = (event.topic, "0x" + OWNER[2:].rjust(64, "0"))
    values = event.decode(topics, (9).to_bytes(32, "big"))
    assert list(values.items()) == [("amount", 9), ("to", OWNER)]


def test_short_bytes_are_broken():
    with pytest.raises(Broken):
        abi.interface(ABI).functions["pay((address,uint256)[])"].decode(b"\x01")


def test_creation_links_libraries_and_appends_arguments(tmp_path):
    code = "0x6001" + "__$" + "a" * 34 + "$__" + "6002"
    body = {
        "contractName": "Till",
        "abi": ABI,
        "bytecode": code,
        "linkReferences": {"src/L.sol": {"Sums": [{"start": 2, "length": 20}]}},
    }
    path = tmp_path / "Till.json"
    path.write_text(json.dumps(body))
    till = abi.load_artifact(path)
    assert till.libraries == {"Sums"}
    made = till.creation(OWNER, libraries={"Sums": "0x" + "AB" * 20})
    assert made.hex() == "6001" + "ab" * 20 + "6002" + OWNER[2:].rjust(64, "0")


def test_a_contract_that_was_never_built_says_how_to_build_it():
    with pytest.raises(Unavailable, match="make contracts"):
        abi.artifact("NoSuchContract")
