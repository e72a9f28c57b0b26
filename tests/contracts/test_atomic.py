"""At every instant a reader sees the old file or the new one, whatever happens to the writer."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agilab.contracts.atomic import write_atomically
from agilab.contracts.errors import ENVIRONMENT, AgiError

WRITER = """
import sys
from agilab.contracts.atomic import write_atomically
number = 0
while True:
    number += 1
    write_atomically(sys.argv[1], str(number % 10).encode() * 2_000_000)
    print(number, flush=True)
"""

OUT_OF_ROOM = """
import resource, signal, sys
from agilab.contracts.atomic import write_atomically
from agilab.contracts.errors import AgiError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_atomically(sys.argv[1], b"n" * 5000)
except AgiError as error:
    print(error.code, error.found)
"""

posix = pytest.mark.skipif(os.name == "nt", reason="signals and file modes of POSIX")


def test_the_bytes_arrive_and_nothing_else_is_left_in_the_folder(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a.json", b"old")
    write_atomically(tmp_path / "a.json", b"new")

    assert (tmp_path / "a.json").read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["a.json"]


@posix
@pytest.mark.faults
def test_a_writer_killed_in_the_middle_leaves_a_whole_file(tmp_path: Path) -> None:
    target = tmp_path / "a.json"
    for patience in (0.00, 0.003, 0.007, 0.011):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(target)], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        with writer.stdout:
            writer.stdout.readline()
            time.sleep(patience)
            writer.send_signal(signal.SIGKILL)
            writer.wait()

        content = target.read_bytes()
        assert len(content) == 2_000_000
        assert content == content[:1] * len(content)


@posix
@pytest.mark.faults
def test_a_disk_that_takes_no_more_leaves_the_old_file_and_no_rubbish(tmp_path: Path) -> None:
    target = tmp_path / "a.json"
    target.write_bytes(b"old")

    done = subprocess.run(
        [sys.executable, "-c", OUT_OF_ROOM, str(target)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert done.stdout.strip() == "AGI-DOC-006 File too large"
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.json"]


def test_a_folder_that_is_not_there_is_an_error_of_the_environment(tmp_path: Path) -> None:
    with pytest.raises(AgiError, match="cannot be written, and what was there is unchanged") as caught:
        write_atomically(tmp_path / "no" / "a.json", b"new")

    assert (caught.value.code, caught.value.exit_code) == ("AGI-DOC-006", ENVIRONMENT)
    assert caught.value.found == "No such file or directory"


@posix
def test_a_new_file_follows_the_umask_and_an_old_one_keeps_its_mode(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_atomically(tmp_path / "new", b"x")
        (tmp_path / "secret").touch(mode=0o600)
        write_atomically(tmp_path / "secret", b"x")
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600


@posix
def test_a_symbolic_link_stays_one_and_what_it_points_at_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    (tmp_path / "dotfiles" / "settings.toml").write_bytes(b"old")
    (tmp_path / "settings.toml").symlink_to("dotfiles/settings.toml")

    write_atomically(tmp_path / "settings.toml", b"new")

    assert (tmp_path / "settings.toml").is_symlink()
    assert (tmp_path / "dotfiles" / "settings.toml").read_bytes() == b"new"
