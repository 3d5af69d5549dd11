"""Contract interfaces from committed JSON: selectors, encoding and decoding; never a compiler."""

import functools
import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError

from solver.domain.errors import Broken, Unavailable
from solver.domain.ids import Address
from solver.domain.typed_data import keccak

ARTIFACTS = pathlib.Path(__file__).parents[2] / "contracts" / "artifacts"
Abi = Sequence[Mapping[str, Any]]


class Function(NamedTuple):
    """One function or error: its selector and the types around it."""

    name: str
    selector: bytes
    inputs: tuple[str, ...]
    names: tuple[str, ...]
    outputs: tuple[str, ...] = ()

    def encode(self, *args: Any) -> bytes:
        """Returns calldata. Raises eth_abi's EncodingError when a value does not fit its type."""
        return self.selector + encode(self.inputs, args)

    def decode(self, raw: bytes) -> tuple[Any, ...]:
        """Returns the outputs. Raises Broken when the bytes are not of this function."""
        return _decode(self.name, self.outputs, raw)

    def one(self, raw: bytes) -> Any:
        """Returns the only output. Raises Broken."""
        (value,) = self.decode(raw)
        return value

    def decode_args(self, data: bytes) -> dict[str, Any]:
        """Returns the named inputs of calldata or revert data that starts with the selector."""
        values = _decode(self.name, self.inputs, data[4:])
        return dict(zip(self.names, values, strict=True))


class Event(NamedTuple):
    """One event: topic 0, and which inputs are topics."""

    name: str
    topic: str
    inputs: tuple[tuple[str, str, bool], ...]  # (name, type, is indexed), as declared

    def decode(self, topics: Sequence[str], data: bytes) -> dict[str, Any]:
        """Returns the named values, in order of declaration. Raises Broken."""
        plain = [kind for _, kind, is_indexed in self.inputs if not is_indexed]
        values = iter(_decode(self.name, plain, data))
        indexed = iter(bytes.fromhex(topic[2:]) for topic in topics[1:])
        out: dict[str, Any] = {}
        for name, kind, is_indexed in self.inputs:
            out[name] = (
                _decode(self.name, (kind,), next(indexed))[0] if is_indexed else next(values)
            )
        return out


class Interface(NamedTuple):
    """What can be said to a contract and what it says. Overloads are keyed by full signature."""

    functions: Mapping[str, Function]
    errors: Mapping[bytes, Function]
    events: Mapping[str, Event]
    constructor: tuple[str, ...] = ()


class Artifact(NamedTuple):
    """A compiled contract: interface, creation code, and the holes its libraries fill.

    `runtime` is the code as it stands on chain, for one that needs neither library nor immutable.
    """

    name: str
    interface: Interface
    bytecode: str
    links: tuple[tuple[str, int], ...] = ()  # (library, byte offset)
    runtime: str = "0x"

    @property
    def libraries(self) -> frozenset[str]:
        """Names of the libraries it must be linked with."""
        return frozenset(library for library, _ in self.links)

    def creation(self, *args: Any, libraries: Mapping[str, Address] | None = None) -> bytes:
        """Returns creation code with its libraries linked and the constructor's arguments."""
        code = self.bytecode.removeprefix("0x")
        for library, start in self.links:
            address = (libraries or {})[library][2:].lower()
            code = code[: 2 * start] + address + code[2 * start + 40 :]
        return bytes.fromhex(code) + encode(self.interface.constructor, args)


def interface(abi: Abi) -> Interface:
    """Returns a JSON ABI ready to use."""
    entries = [entry for entry in abi if entry["type"] == "function"]
    names = [entry["name"] for entry in entries]
    functions: dict[str, Function] = {}
    for entry in entries:
        function = _function(entry)
        if names.count(entry["name"]) == 1:
            functions[entry["name"]] = function
        functions[f"{entry['name']}({','.join(function.inputs)})"] = function
    errors = [_function(entry) for entry in abi if entry["type"] == "error"]
    events = [_event(entry) for entry in abi if entry["type"] == "event"]
    made: Abi = next((entry["inputs"] for entry in abi if entry["type"] == "constructor"), ())
    return Interface(
        functions,
        {error.selector: error for error in errors},
        {event.topic: event for event in events},
        tuple(_type(field) for field in made),
    )


def function(signature: str, outputs: Sequence[str] = ()) -> Function:
    """Returns the function of a flat signature such as `transfer(address,uint256)`."""
    name, _, rest = signature.partition("(")
    inputs = tuple(filter(None, rest.removesuffix(")").split(",")))
    names = tuple(str(index) for index in range(len(inputs)))
    return Function(name, keccak(signature.encode())[:4], inputs, names, tuple(outputs))


def topic(signature: str) -> str:
    """Returns topic 0 of an event signature."""
    return "0x" + keccak(signature.encode()).hex()


@functools.cache
def artifact(name: str) -> Artifact:
    """Returns one of our own contracts. Raises Unavailable when it was never built."""
    path = ARTIFACTS / f"{name}.json"
    if not path.is_file():
        raise Unavailable(f"contracts/artifacts/{name}.json is missing: run `make contracts`")
    return load_artifact(path)


@functools.cache
def our_names() -> tuple[str, ...]:
    """Returns the names of all our contracts with an artifact, sorted."""
    return tuple(sorted(path.stem for path in ARTIFACTS.glob("*.json")))


def load_artifact(path: pathlib.Path) -> Artifact:
    """Returns the contract in a JSON file of ours, Hardhat, Truffle or Foundry."""
    body = json.loads(path.read_bytes())
    code = body.get("bytecode") or body.get("evm", {}).get("bytecode") or "0x"
    references = body.get("linkReferences") or {}
    if isinstance(code, dict):
        references = code.get("linkReferences") or {}
        code = code["object"]
    links = tuple(
        (library, place["start"])
        for libraries in references.values()
        for library, places in libraries.items()
        for place in places
    )
    abi = body.get("abi") or body["compilerOutput"]["abi"]
    runtime = body.get("deployedBytecode")
    at_rest = runtime if isinstance(runtime, str) and not links else "0x"
    return Artifact(body.get("contractName") or path.stem, interface(abi), code, links, at_rest)


def _type(field: Mapping[str, Any]) -> str:
    kind = str(field["type"])
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(_type(part) for part in field['components'])}){kind.removeprefix('tuple')}"


def _function(entry: Mapping[str, Any]) -> Function:
    inputs = tuple(_type(field) for field in entry["inputs"])
    selector = keccak(f"{entry['name']}({','.join(inputs)})".encode())[:4]
    names = tuple(field["name"] or str(index) for index, field in enumerate(entry["inputs"]))
    outputs = tuple(_type(field) for field in entry.get("outputs", ()))
    return Function(entry["name"], selector, inputs, names, outputs)


def _event(entry: Mapping[str, Any]) -> Event:
    fields = tuple((field["name"], _type(field), field["indexed"]) for field in entry["inputs"])
    signature = f"{entry['name']}({','.join(kind for _, kind, _ in fields)})"
    return Event(entry["name"], topic(signature), fields)


def _decode(name: str, types: Sequence[str], raw: bytes) -> tuple[Any, ...]:
    try:
        return tuple(decode(types, raw))
    except (DecodingError, ValueError, OverflowError) as error:  # offsets and text of a stranger
        raise Broken(f"these {len(raw)} bytes are not of {name}({','.join(types)})") from error
