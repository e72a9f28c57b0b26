"""The wheel of `agi_node`: the same bytes from the same sources, and what an installer expects."""

from __future__ import annotations

import base64
import csv
import hashlib
import importlib.metadata
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from agilab.envs import Environment, agi_node_digest, build_node_wheel
from agilab.envs.environment import site_packages
from agilab.envs.node_wheel import package_folder, source_digest


def test_equal_sources_give_equal_bytes_wherever_and_whenever(tmp_path: Path) -> None:
    first = build_node_wheel(tmp_path / "one")
    second = build_node_wheel(tmp_path / "two")
    assert first.name == second.name
    assert first.read_bytes() == second.read_bytes()
    # `shutil.copy` leaves the times behind.
    shutil.copytree(package_folder(), tmp_path / "copy" / "agi_node", copy_function=shutil.copy)
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\nfrom pathlib import Path\n"
        "from agilab.envs import build_node_wheel\nprint(build_node_wheel(Path(sys.argv[2])))\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "copy"), str(tmp_path / "three")]
    third = Path(subprocess.check_output(command, text=True, timeout=60).strip())
    assert third.parent.name == first.parent.name == agi_node_digest()
    assert third.read_bytes() == first.read_bytes()


def test_the_wheel_lists_every_file_with_its_digest_and_says_what_it_needs(tmp_path: Path) -> None:
    wheel = build_node_wheel(tmp_path)
    information = f"agi_node-{importlib.metadata.version('agi-node')}.dist-info"
    with zipfile.ZipFile(wheel) as archive:
        rows = {
            row[0]: row[1:] for row in csv.reader(archive.read(f"{information}/RECORD").decode().splitlines())
        }
        assert set(rows) == set(archive.namelist())
        for name, (digest, size) in rows.items():
            if name.endswith("/RECORD"):
                continue
            data = archive.read(name)
            assert size == str(len(data))
            assert (
                digest
                == "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            )
        metadata = archive.read(f"{information}/METADATA").decode()
    assert "agi_node/errors.py" in rows
    assert "agi_node/py.typed" in rows
    assert "Requires-Dist: pydantic>=2.9" in metadata
    assert "Requires-Python: >=3.11" in metadata


def test_the_digest_of_the_installed_copy_is_that_of_the_checkout(installed: Environment) -> None:
    site = site_packages(installed.path)
    assert site is not None
    assert list((site / "agi_node" / "__pycache__").iterdir())
    assert source_digest(site / "agi_node") == agi_node_digest()


def test_the_digest_sees_every_source_and_no_compiled_file(tmp_path: Path) -> None:
    package = tmp_path / "agi_node"
    (package / "deep").mkdir(parents=True)
    (package / "__init__.py").write_text("x = 1\n")
    (package / "deep" / "data.json").write_text("{}")
    before = source_digest(package)
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "__init__.cpython-311.pyc").write_bytes(b"compiled")
    (package / ".hidden").write_text("x")
    assert source_digest(package) == before
    (package / "deep" / "data.json").write_text("[]")
    changed = source_digest(package)
    assert changed != before
    (package / "deep" / "data.json").rename(package / "deep" / "other.json")
    assert source_digest(package) not in (before, changed)
