"""The committed bytecode is the one of the committed sources."""

import hashlib
import json
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).parent.parent.parent
SOURCES = ROOT / "contracts" / "src"
ARTIFACTS = sorted((ROOT / "contracts" / "artifacts").glob("*.json"))
COMPILER = ROOT / "node_modules" / "solc"


def sources_sha256() -> str:
    """Returns sha256 over path, NUL, content, NUL of every source, as contracts/build.mjs does."""
    digest = hashlib.sha256()
    named = {path.relative_to(SOURCES).as_posix(): path for path in SOURCES.rglob("*.sol")}
    for name in sorted(named, key=str.encode):
        digest.update(name.encode() + b"\0" + named[name].read_bytes() + b"\0")
    return digest.hexdigest()


def test_artifacts_name_the_sources_they_come_from() -> None:
    expected = sources_sha256()
    stale = [a.name for a in ARTIFACTS if json.loads(a.read_text())["sourceSha256"] != expected]
    assert stale == [], "run 'make contracts' and commit contracts/artifacts"
    assert ARTIFACTS or not list(SOURCES.glob("*.sol")), "run 'make contracts'"


@pytest.mark.skipif(
    shutil.which("node") is None or not COMPILER.exists(),
    reason="Node 20 or the npm packages are missing, so nothing was compiled again: make setup",
)
def test_a_rebuild_gives_the_same_bytes() -> None:
    built = subprocess.run(
        ["node", "contracts/build.mjs", "--check"], cwd=ROOT, capture_output=True, text=True
    )
    assert built.returncode == 0, built.stderr
