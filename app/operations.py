"""The operator's subcommands: `solvent config check` and `solvent keys`. Nothing here serves."""

import asyncio
import os
import secrets
import sys

import typer

from app.config import Settings
from app.keystore import Keystore
from solver.domain.errors import Malformed

config = typer.Typer(no_args_is_help=True, help="What is in force, and whether it would work.")
keys = typer.Typer(no_args_is_help=True, help="Encrypted keys, one file a role.")
_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@config.command()
def check() -> None:
    """Shows every setting and looks at database, keys, contracts, roles and feeds.

    Exit code 0 when a start would work, 1 when something must be put right first.
    """
    from app.preflight import FAIL, preflight, variables

    settings = Settings.load()
    typer.echo("settings")
    for row in variables(settings, os.environ):
        source = "set" if row.is_set else "default"
        typer.echo(f"  {row.name:<32}{source:<9}{row.value or '-'}")
    typer.echo("checks")
    findings = asyncio.run(preflight(settings, os.environ))
    for subject, verdict, words in findings:
        mark = typer.style(f"{verdict:<5}", fg=_COLOURS[verdict])
        typer.echo(f"  {mark} {subject:<16}{words}")
    failed = sum(verdict == FAIL for _, verdict, _ in findings)
    typer.echo(f"{failed} to put right" if failed else "ready to start")
    raise typer.Exit(1 if failed else 0)


@keys.command()
def new(roles: list[str]) -> None:
    """Makes a key for each role, solver risk1 risk2 risk3 keeper or maker; prints its address."""
    store = _keystore()
    for role in roles:
        typer.echo(f"{role} {store.add(role, secrets.token_bytes(32))}")


@keys.command(name="import")
def import_(role: str) -> None:
    """Takes an existing key, 64 hex digits on standard input, so that no shell remembers it."""
    hidden = typer.prompt("key", hide_input=True) if sys.stdin.isatty() else sys.stdin.readline()
    try:
        key = bytes.fromhex(hidden.strip().removeprefix("0x"))
    except ValueError:
        key = b""
    if len(key) != 32:
        raise Malformed("a key is 64 hex digits", field="key")
    typer.echo(f"{role} {_keystore().add(role, key)}")


@keys.command(name="list")
def list_() -> None:
    """Prints role and address of every key; opens none."""
    for role, address in _keystore().addresses().items():
        typer.echo(f"{role} {address}")


def _keystore() -> Keystore:
    settings = Settings.load()
    if not settings.keystore:
        raise Malformed("set SOLVENT_KEYSTORE to a folder for the keys", field="SOLVENT_KEYSTORE")
    return Keystore(settings.keystore, settings.keystore_password_file)
