"""Which files a line of a shell redirects to and from: the shell itself says which it makes, and which it opens."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from agilab.notebooks.inspecting import inspect
from agilab.notebooks.shell.files import files_of_command, steps_of_command
from tests.notebooks.building import notebook

QUOTED = [
    'echo "<b>"',
    "grep -c '<div>' a.txt",
    'grep ">seq" a.txt b.txt',
    'echo ">seq1" > made.txt',
    "echo '>seq1' >> made.txt",
    r"echo \<b \> a.txt",
    r"echo a\>b > made.txt",
    'echo "it\'s <b>" && grep ">" a.txt > made.txt',
    r'echo "\">x" > "made too.txt"',
    "sed 's/<[^>]*>//g' a.txt > made.txt",
    "awk '$1 > 3' a.txt | wc -l > made.txt",
    'echo "a << b"\ncat a.txt > made.txt',
    'echo "<(cat nothing.txt)"',
    "echo '$(cat nothing.txt)'",
    "if [[ b > a ]]; then cat a.txt > made.txt; fi",
    "(( 1 < 2 )) && echo $((1 << 4)) > made.txt",
    "for ((i=0; i<2; i++)); do cat a.txt > made.txt; done",
]
MEANT = [
    "cat a.txt >made.txt 2>&1",
    "cat a.txt>made.txt",
    "cat a.txt 2> errors.txt >> made.txt",
    "cat a.txt &> made.txt",
    "cat a.txt >& made.txt",
    "cat a.txt >| made.txt",
    "echo a2>made.txt 1>&2",
    "> made.txt",
    "wc -l <a.txt > made.txt",
    "while read line; do echo $line; done < a.txt > made.txt",
    "cat <<END > made.txt\n<b> $(cat a.txt)\nEND\ncat b.txt",
    "cat <<'END' > made.txt\n<b> $(cat nothing.txt)\nEND\ncat b.txt",
    'cat <<< "some text"\ncat b.txt > made.txt',
    "diff <(sort a.txt) <(sort b.txt) > made.txt",
    'echo "$(cat a.txt)" > made.txt',
    "cat a.txt | tee >(cat > made.txt) | cat",
    "cat $(pwd)/a.txt b.txt > made.txt",
]


@pytest.mark.parametrize("command", QUOTED + MEANT)
def test_a_shell_makes_the_files_that_its_line_is_said_to_write(command: str, tmp_path: Path) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash")
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text(">seq <div> 4\n")
    subprocess.run([bash, "-c", f"{command}\nwait"], cwd=tmp_path, check=False, capture_output=True)
    there = {path.name for path in tmp_path.iterdir()}
    named = dict(files_of_command(command))
    assert {path for path, done in named.items() if done != "read"} == there - {"a.txt", "b.txt"}
    assert {path for path, done in named.items() if done == "read"} <= {"a.txt", "b.txt"}


@pytest.mark.parametrize(
    ("command", "read"),
    [
        ("cat <<END\n$(cat a.txt)\nEND\ncat b.txt", ["a.txt", "b.txt"]),
        ('cat <<< "some text"\ncat b.txt', ["b.txt"]),
        ("echo $((1 << 4))\ncat b.txt", ["b.txt"]),
        ("while read line; do echo $line; done < a.txt", ["a.txt"]),
        ("grep $(head -1 a.txt) b.txt", ["a.txt", "b.txt"]),
        ("wc -l < {a < b} < b.txt", ["b.txt"]),
    ],
)
def test_what_stands_around_a_redirection_is_read_all_the_same(command: str, read: list[str]) -> None:
    assert [path for path, _ in files_of_command(command) if "{" not in path] == read


def test_a_command_in_one_that_is_perhaps_not_come_to_is_as_unsure() -> None:
    assert [(step.path, step.sure) for step in steps_of_command("true || echo $(cat a.txt) `cat b.txt`")] == [
        ("a.txt", False),
        ("b.txt", False),
    ]


def test_a_notebook_that_greps_for_headers_needs_the_file_and_nothing_else() -> None:
    found = inspect(notebook('!echo ">seq1" > s.fasta', '%%bash\ngrep ">seq" s.fasta\necho "<b>"'))
    assert {(one.direction, one.path) for one in found.artifacts} == {
        ("written", "s.fasta"),
        ("read", "s.fasta"),
    }


@pytest.mark.parametrize(
    "command",
    [
        "test -f a.txt && echo yes || echo no",
        "[ -e a.txt ] && echo yes || echo no",
        "if [ -s a.txt ]; then echo yes; else echo no; fi",
        "if [[ -r a.txt && 1 -lt 2 ]]; then echo yes; else echo no; fi",
        "[ ! -f a.txt ] && echo no || echo yes",
        "[ a.txt -ot nothing.txt ] && echo yes || { [ a.txt -nt nothing.txt ] && echo yes || echo no; }",
    ],
)
def test_what_a_shell_asks_about_is_given(command: str, tmp_path: Path) -> None:
    answers = []
    for name in ("a.txt", "other.txt"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / name).write_text("x")
        answers.append(
            subprocess.run(
                ["bash", "-c", command], cwd=folder, check=False, capture_output=True, text=True
            ).stdout
        )
    assert answers == ["yes\n", "no\n"], "the shell itself asks about it"
    found = inspect(notebook("open('a.txt', 'w').write('x')", f"!{command}"))
    looks = {use.path for use in found.uses if use.does == "look"}
    assert looks <= {"a.txt", "nothing.txt"}
    assert "a.txt" in looks
