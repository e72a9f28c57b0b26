"""What the usual commands of a shell do to the files that their words name. No guesses: a command that is not known
does nothing.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal, NamedTuple

Direction = Literal["read", "written", "both", "unknown"]
Kind = Literal["", "folder", "files", "seen"]


class Step(NamedTuple):
    """What a command does to one file.

    Attributes:
        gone: Whether the file is no longer there afterwards.
        sure: Whether the command is come to for certain.
        kind: "folder" for what may be one: whatever lies in it is read, or it is made and nothing in it; "files" for
            what is written below it, under names that the command does not say; "seen" for what it only asks about.
    """

    path: str
    direction: Direction
    gone: bool = False
    sure: bool = True
    kind: Kind = ""


@dataclass(frozen=True)
class Words:
    """The words behind a program: operands, and options with their values ("" for those that take none)."""

    operands: list[str] = field(default_factory=list)
    options: list[tuple[str, str]] = field(default_factory=list)

    def has(self, *names: str) -> bool:
        return any(option in names for option, _ in self.options)

    def values(self, *names: str) -> list[str]:
        return [value for option, value in self.options if option in names]


def words_of(rest: Sequence[str], valued: str = "") -> Words:
    """Words parted as getopt does; `valued` are the options whose value may be the next word.

    >>> words_of(["-rk2", "-t", ",", "raw.csv", "--output=s.csv"], "-k -t").operands
    ['raw.csv']
    >>> words_of(["-rk2", "-t", ",", "raw.csv", "--output=s.csv"], "-k -t").options
    [('-r', ''), ('-k', '2'), ('-t', ','), ('--output', 's.csv')]
    """
    found = Words()
    takes = frozenset(valued.split())
    words = iter(rest)
    for word in words:
        if word == "--":
            found.operands.extend(words)
        elif word.startswith("--"):
            name, equals, value = word.partition("=")
            found.options.append((name, value if equals or name not in takes else next(words, "")))
        elif word.startswith("-") and len(word) > 1:
            if word in takes:  # `find -name x`: one dash, and more than a letter
                found.options.append((word, next(words, "")))
                continue
            for at, letter in enumerate(word[1:], 2):
                if f"-{letter}" in takes:
                    found.options.append((f"-{letter}", word[at:] or next(words, "")))
                    break
                found.options.append((f"-{letter}", ""))
        elif word != "-":
            found.operands.append(word)
    return found


def steps_of_words(program: str, rest: Sequence[str]) -> Iterator[Step]:
    """What a program does with the words behind it."""
    if program in _READERS:
        return (Step(path, "read") for path in words_of(rest, _READERS[program]).operands)
    known = _COMMANDS.get(program)
    if known is None:
        known = _interpreter if is_interpreter(program) else _another
    return known(program, rest)


def is_known(program: str) -> bool:
    """Whether it is known what a program does with all of its words."""
    return program in _READERS or program in _COMMANDS


def is_interpreter(program: str) -> bool:
    """Whether a program runs what a file says."""
    return re.fullmatch(r"python[\d.]*|Rscript|bash|sh|zsh|perl|node|julia", program) is not None


_READERS: Mapping[str, str] = {
    "cat": "", "head": "-n -c --lines --bytes", "tail": "-n -c -s --lines --bytes --pid", "wc": "",
    "less": "", "more": "",
    "cut": "-d -f -c -b --delimiter --fields --output-delimiter", "nl": "-b -d -f -h -i -l -n -s -v -w", "tac": "-s",
    "rev": "", "paste": "-d", "join": "-1 -2 -a -e -j -o -t -v", "comm": "", "cmp": "-n -i",
    "diff": "-U -C -I -x -X -W", "column": "-s -c -o -N -t", "fold": "-w", "od": "-A -t -N -j -w", "xxd": "-l -s -c -g",
    "hexdump": "-n -s -e -f", "strings": "-n -e -t", "base64": "-w", "shuf": "-n -i -o", "file": "-m -f -F",
    "md5sum": "", "sha1sum": "", "sha224sum": "", "sha256sum": "", "sha384sum": "", "sha512sum": "", "shasum": "-a",
    "cksum": "", "b2sum": "", "zcat": "", "bzcat": "", "xzcat": "", "zstdcat": "", "zless": "",
    "stat": "-c -f --format --printf", "csvlook": "-d", "csvstat": "-d -c", "csvcut": "-d -c", "csvsort": "-d -c",
    "csvjson": "-d", "csvclean": "-d", "in2csv": "-f", "h5dump": "-d -g", "h5ls": "", "ncdump": "-v",
    "gdalinfo": "", "ogrinfo": "-sql -where", "ffprobe": "-v -show_entries -of", "parquet-tools": "", "iconv": "-f -t",
}  # fmt: skip
"""Commands that read each of their operands, with those of their options that take a value."""


def _sort(program: str, rest: Sequence[str]) -> Iterator[Step]:
    words = words_of(rest, "-k -t -S -T -o --key --field-separator --buffer-size --output --parallel")
    yield from (Step(path, "read") for path in words.operands)
    yield from (Step(path, "written") for path in words.values("-o", "--output"))


def _uniq(program: str, rest: Sequence[str]) -> Iterator[Step]:
    operands = words_of(rest, "-f -s -w").operands
    yield from (Step(path, "read") for path in operands[:1])
    yield from (Step(path, "written") for path in operands[1:2])


def _searched(program: str, rest: Sequence[str]) -> Iterator[Step]:
    """`grep`: the first operand is a pattern, unless an option says it."""
    words = words_of(
        rest, "-e -f -A -B -C -m -d -D --regexp --file --include --exclude --exclude-dir --max-count -g -t"
    )
    said = words.has("-e", "-f", "--regexp", "--file")
    inside = program == "rg" or words.has("-r", "-R", "--recursive")
    yield from (Step(path, "read") for path in words.values("-f", "--file"))
    for path in words.operands if said else words.operands[1:]:
        yield Step(path, "read", kind="folder" if inside else "")


def _scripted(program: str, rest: Sequence[str]) -> Iterator[Step]:
    """`sed`, `awk`, `jq`: the first operand is a program, unless an option says it; `-i` writes the files anew."""
    valued = {
        "sed": "-e -f -l --expression --file",
        "jq": "-f --from-file --indent --tab --arg --argjson --slurpfile --rawfile",
    }
    words = words_of(rest, valued.get(program, "-F -v -f --file --assign --field-separator"))
    scripts = words.values("-f", "--file", "--from-file")
    said = bool(scripts) or words.has("-e", "--expression")
    anew = program == "sed" and words.has("-i", "--in-place")
    if program in ("awk", "gawk", "mawk"):
        words.operands[:] = [
            word for word in words.operands if said or "=" not in word or word == words.operands[0]
        ]
    if program == "jq":  # `--arg name value`: two words
        skipped = len(words.values("--arg", "--argjson", "--slurpfile", "--rawfile"))
        words.operands[:] = words.operands[skipped:]
    yield from (Step(path, "read") for path in scripts)
    yield from (Step(path, "both" if anew else "read") for path in words.operands[0 if said else 1 :])
    texts = words.values("-e", "--expression") if said else words.operands[:1]
    for text in texts:
        if program == "sed":  # which makes it even if it writes no line to it
            yield from (
                Step(path, "written") for path in re.findall(r"(?:^|[/;{}gpI\d])\s*w\s+([^\s;}]+)", text)
            )
        elif program != "jq":
            for how, path in re.findall(r"print[^;{}]*?(>>?)\s*\"([^\"$|]+)\"", text):
                yield Step(path, "both" if how == ">>" else "written", sure=False)


def _interpreter(program: str, rest: Sequence[str]) -> Iterator[Step]:
    """A program in a file; what it does to the files that it is given nobody can say here."""
    if program.startswith("perl"):
        words = words_of(rest, "-e -E -I -M -F")
        said, anew = words.has("-e", "-E"), words.has("-i")
        yield from (Step(path, "both" if anew else "read") for path in words.operands if said)
        yield from (Step(path, "read") for path in words.operands[:1] if not said)
        return
    script = next((word for word in rest if not word.startswith("-")), "")
    if script and "-m" not in rest and "-c" not in rest and "-e" not in rest:
        yield Step(script, "read")
        yield from _another(program, rest[rest.index(script) + 1 :])


_COMPILERS = frozenset({"cc", "gcc", "g++", "c++", "clang", "clang++", "gfortran", "nvcc"})
_LINKERS = _COMPILERS | {"ld", "rustc", "go", "ghc", "ocamlc", "ocamlopt"}
_ENDING = re.compile(r"[\w./{}$\- ]*\w\.[A-Za-z]\w{0,7}")


def _another(program: str, rest: Sequence[str]) -> Iterator[Step]:
    """Of any program: what it is given behind `-o` it writes. A compiler has names of its own without that."""
    made = [after for word, after in pairwise(rest) if word in ("-o", "--output")]
    made += [word.partition("=")[2] for word in rest if word.startswith("--output=")]
    links = program in _LINKERS
    yield from (Step(path, "written") for path in made if links or _ENDING.fullmatch(path))
    sources = [word for word in rest if re.fullmatch(r"[^-].*\.(?:c|cc|cpp|cxx|cu|f|f90)", word)]
    if program not in _COMPILERS or not sources or any(word[:2] in ("-o", "-E", "-S", "-M") for word in rest):
        return
    if "-c" not in rest:
        yield Step("a.out", "written")
        return
    yield from (Step(f"{posixpath.basename(one).rpartition('.')[0]}.o", "written") for one in sources)


def _looked(program: str, rest: Sequence[str]) -> Iterator[Step]:
    """`ls`, `du`, `tree`: what lies in a folder, the one that one is in if none is named."""
    words = words_of(
        rest, "-I -L -P -T -w -d -o -t --hide --ignore --max-depth --exclude" if program == "tree"
        else "-I -T -w --hide --ignore" if program == "ls" else "-d -B -t --max-depth --exclude --threshold"
    )  # fmt: skip
    yield from (Step(path, "written") for path in words.values("-o") if program == "tree")
    yield from (Step(path, "read", kind="folder") for path in words.operands or ["."])


def _find(program: str, rest: Sequence[str]) -> Iterator[Step]:
    folders = []
    for word in rest:
        if word.startswith(("-", "(", "!")):
            break
        folders.append(word)
    names = [after for word, after in pairwise(rest) if word in ("-name", "-iname")]
    for folder in folders or ["."]:
        for name in names:
            yield Step(posixpath.join("" if folder == "." else folder, "**", name), "read")
        if not names:
            yield Step(folder, "read", kind="folder")


def _tar(program: str, rest: Sequence[str]) -> Iterator[Step]:
    if rest and not rest[0].startswith("-"):  # `tar czf all.tgz out`
        rest = [f"-{rest[0]}", *rest[1:]]
    words = words_of(
        rest, "-f -C -X -T -b -H -I --file --directory --exclude --exclude-from --files-from --transform"
    )
    archive = next(iter(words.values("-f", "--file")), "")
    folder = next(iter(words.values("-C", "--directory")), "")
    if not archive or archive == "-":
        return
    if words.has("-x", "--extract", "--get"):
        yield Step(archive, "read")
        yield Step(folder or ".", "written", kind="files")
    elif words.has("-c", "--create", "-r", "--append", "-u", "--update"):
        inside = (posixpath.join(folder, path) for path in words.operands)
        yield from (Step(path, "read", kind="folder") for path in inside)
        yield Step(archive, "written" if words.has("-c", "--create") else "both")
    else:
        yield Step(archive, "read")


def _zip(program: str, rest: Sequence[str]) -> Iterator[Step]:
    words = words_of(
        rest[: next((at for at, word in enumerate(rest) if word in ("-x", "-i")), None)], "-b -P -t -n"
    )
    yield from (Step(path, "read", kind="folder") for path in words.operands[1:])
    for archive in words.operands[:1]:
        yield Step(archive if "." in posixpath.basename(archive) else f"{archive}.zip", "both")


def _unzip(program: str, rest: Sequence[str]) -> Iterator[Step]:
    words = words_of(rest, "-d -P")
    yield from (Step(path, "read") for path in words.operands[:1])
    if not words.has("-l", "-t", "-p", "-v", "-Z"):
        yield from (Step(path, "written", kind="files") for path in words.values("-d") or ["."])


def _git(program: str, rest: Sequence[str]) -> Iterator[Step]:
    """`git clone URL folder`."""
    words = words_of(rest, "-b --branch --depth -o --origin -c --config -C")
    if words.operands[:1] == ["clone"] and len(words.operands) > 1:
        folder = (
            words.operands[2] if len(words.operands) > 2 else words.operands[1].rstrip("/").rpartition("/")[2]
        )
        yield Step(folder.removesuffix(".git"), "written", kind="files")


def _fetched(program: str, rest: Sequence[str]) -> Iterator[Step]:
    """`kaggle … download`, `hf download`: files into a folder, under the names that they have there."""
    words = words_of(rest, "-p --path -d --dataset -f --file -c --competition --local-dir --include")
    if "download" in words.operands:
        for folder in words.values("-p", "--path", "--local-dir") or ["."]:
            yield Step(folder, "written", kind="files")


def _packed(program: str, rest: Sequence[str]) -> Iterator[Step]:
    """`gzip`, `xz`, … and what undoes them: a file goes, another comes."""
    words = words_of(rest, "-S --suffix -T")
    suffix = {"z": ".gz", "b": ".bz2", "x": ".xz", "s": ".zst"}[
        program.removeprefix("gun").removeprefix("un").lstrip("g")[0]
    ]
    unpacks = program.startswith(("gun", "un")) or words.has("-d", "--decompress", "--uncompress")
    stays = words.has("-k", "--keep", "-c", "--stdout") or suffix == ".zst"
    for path in words.operands:
        yield Step(path, "read", gone=not stays and not words.has("-t", "-l"))
        if words.has("-c", "--stdout", "-t", "-l", "--list", "--test") or (
            unpacks and not path.endswith(suffix)
        ):
            continue
        yield Step(path.removesuffix(suffix) if unpacks else path + suffix, "written")


def _moved(program: str, rest: Sequence[str]) -> Iterator[Step]:
    """`cp`, `mv`, `ln`: to a file, or into a folder under the same names."""
    words = words_of(rest, "-t -S --target-directory --suffix")
    into = next(iter(words.values("-t", "--target-directory")), "")
    sources = words.operands if into else words.operands[:-1]
    target = into or (words.operands[-1] if sources else "")
    below = program == "cp" and words.has("-r", "-R", "-a", "--recursive", "--archive")
    folder = bool(into) or len(sources) > 1 or target in (".", "..") or target.endswith("/")
    for source in sources:
        yield Step(source, "read", gone=program == "mv", kind="folder" if below else "")
        if "*" in source and folder:
            yield Step(target.rstrip("/") or target, "written", kind="files")
        else:
            name = posixpath.basename(source.rstrip("/"))
            yield Step(
                posixpath.join(target, name) if folder else target, "written", kind="files" if below else ""
            )


_ASKS = frozenset({f"-{letter}" for letter in "adefhLrswxNOGpS"})
"""What `test` asks of one file."""


def _tested(program: str, rest: Sequence[str]) -> Iterator[Step]:
    """`test -f a.csv`, `[ a.csv -nt b.csv ]`: what it asks about is the same after it, and need not be there."""
    for before, word, after in zip(("", *rest), rest, (*rest[1:], ""), strict=False):
        if word in ("-nt", "-ot", "-ef"):
            yield from (Step(path, "read", kind="seen") for path in (before, after))
        elif word in _ASKS and after not in ("", "]", "]]"):
            yield Step(after, "read", kind="seen")


def _removed(program: str, rest: Sequence[str]) -> Iterator[Step]:
    return (Step(path, "unknown", gone=True) for path in words_of(rest).operands)


def _mkdir(program: str, rest: Sequence[str]) -> Iterator[Step]:
    return (Step(path.rstrip("/"), "written", kind="folder") for path in words_of(rest, "-m --mode").operands)


def _touched(program: str, rest: Sequence[str]) -> Iterator[Step]:
    return (Step(path, "both") for path in words_of(rest, "-d -r -t --date --reference").operands)


def _tee(program: str, rest: Sequence[str]) -> Iterator[Step]:
    words = words_of(rest)
    return (Step(path, "both" if words.has("-a", "--append") else "written") for path in words.operands)


def _database(program: str, rest: Sequence[str]) -> Iterator[Step]:
    words = words_of(rest, "-separator -nullvalue -newline -cmd -init -c -s")
    only = "-readonly" in rest
    return (Step(path, "read" if only else "both") for path in words.operands[:1] if path != ":memory:")


def _dd(program: str, rest: Sequence[str]) -> Iterator[Step]:
    for word in rest:
        name, _, path = word.partition("=")
        if name in ("if", "of") and not path.startswith("/dev/"):
            yield Step(path, "read" if name == "if" else "written")


def _download(program: str, rest: Sequence[str]) -> Iterator[Step]:
    url = next((word for word in rest if "://" in word), "")
    if not url:
        return
    yield Step(url, "read")
    flag = "-o" if program == "curl" else "-O"
    if flag in rest[:-1]:
        yield Step(rest[rest.index(flag) + 1], "written")
        return
    names_itself = program == "wget" or "-O" in rest or "--remote-name" in rest
    name = url.split("://", 1)[1].partition("?")[0].rstrip("/").rpartition("/")[2]
    if names_itself and "." in name:
        folder = rest[rest.index("-P") + 1] + "/" if "-P" in rest[:-1] else ""
        yield Step(folder + name, "written")


_COMMANDS: Mapping[str, Callable[[str, Sequence[str]], Iterator[Step]]] = {
    "sort": _sort, "uniq": _uniq, "sed": _scripted, "jq": _scripted, "awk": _scripted, "gawk": _scripted,
    "mawk": _scripted, "find": _find, "tar": _tar, "zip": _zip, "unzip": _unzip, "rm": _removed, "rmdir": _removed,
    "mkdir": _mkdir, "touch": _touched, "tee": _tee, "dd": _dd, "sqlite3": _database, "duckdb": _database,
    **dict.fromkeys(("grep", "egrep", "fgrep", "zgrep", "rg"), _searched),
    **dict.fromkeys(("ls", "du", "tree", "ll"), _looked), **dict.fromkeys(("test", "[", "[["), _tested),
    **dict.fromkeys(("gzip", "gunzip", "bzip2", "bunzip2", "xz", "unxz", "zstd", "unzstd"), _packed),
    **dict.fromkeys(("cp", "mv", "ln"), _moved),
    **dict.fromkeys(("wget", "curl", "gdown"), _download),
    **dict.fromkeys(("kaggle", "hf", "huggingface-cli"), _fetched), "git": _git,
}  # fmt: skip
