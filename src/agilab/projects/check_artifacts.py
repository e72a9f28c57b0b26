"""What a run left: can it be read by whoever gets it, and does it name places of this machine?"""

from __future__ import annotations

import json
import struct
import subprocess
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from agilab.projects.check_case import Case, Nothing, Wrong
from agilab.store.check import object_problems
from agilab.store.rows import ArtifactRow
from agilab.store.store import Store

PATIENCE_S = 120
_PNG = b"\x89PNG\r\n\x1a\n"
_DRAWN = ("path", "line", "polyline", "polygon", "rect", "circle", "ellipse", "text", "image", "use")
_TABLES = """
import json, sys
def size(path):
    try:
        import polars
    except ImportError:
        import pyarrow.parquet
        table = pyarrow.parquet.read_table(path)
        return [table.num_rows, table.num_columns]
    table = polars.read_parquet(path, glob=False)
    return [table.height, table.width]
found = []
for path in json.load(sys.stdin):
    try:
        found.append(size(path))
    except BaseException as error:
        found.append(f"{type(error).__name__}: {error}".replace(path, "it")[:200])
json.dump(found, sys.stdout)
"""
"""Reads every table whole, in the app's own environment: the manager has no parquet reader."""


def readable(case: Case) -> str:
    """Every artifact has its digest, and is what its type says: a table, JSON, a picture with something on it."""
    run_id = case.run()
    with Store(case.workspace) as store:
        rows = store.artifacts(run_id)
        problems = list(object_problems(store, run_id))
        paths = {row: store.objects.path(row.digest) for row in rows}
    if problems:
        raise Wrong("; ".join(problems[:3]), f"agilab runs verify {run_id}")
    if not rows:
        raise Nothing("the run saved no artifacts")
    problems = [f"{row.place}: {why}" for row, path in paths.items() for why in _problems(row, path)]
    tables = {row: path for row, path in paths.items() if row.file.endswith(".parquet")}
    problems += _table_problems(case, tables, paths)
    if problems:
        more = f" (and {len(problems) - 3} more)" if len(problems) > 3 else ""
        raise Wrong("; ".join(problems[:3])[:500] + more, f"agilab runs show {run_id}")
    pictures = sum(row.kind == "figure" for row in rows)
    return f"{len(rows)} have their digests; read: {len(tables)} as tables, {pictures} as pictures, all JSON"


def rootless(case: Case) -> str:
    """Nothing that the run wrote names a place of this machine: it would mean nothing elsewhere."""
    run_id = case.run()
    folder = case.workspace.run_folder(run_id)
    written = [path for path in sorted(folder.glob("*.json")) if path.name != "tracking.json"]
    written += [path for path in sorted((folder / "artifacts").rglob("*")) if path.is_file()]
    places = sorted(_places(case), key=len, reverse=True)
    for path in written:
        data = path.read_bytes()
        for place in places:
            at = data.find(place)
            if at >= 0:
                shown = data[at : at + 80].split(b'"')[0].split(b"\n")[0].decode("utf-8", "replace")
                raise Wrong(
                    f"{path.relative_to(folder).as_posix()} names a place of this machine: {shown}",
                    "keep a FileRef, or a path relative to a root, instead of str(path)",
                )
    return f"{len(written)} files name no folder of this machine"


def _places(case: Case) -> Iterator[bytes]:
    """Folders of this machine, as bytes with what must follow them to be meant."""
    prepared = case.installed()
    folders = [case.workspace.home, case.app.folder, Path.home(), Path(tempfile.gettempdir())]
    folders += [prepared.environment.path, *(Path(root) for root in prepared.roots.values())]
    for folder in folders:
        for spelled in {str(folder), str(folder.resolve())}:
            if len(Path(spelled).parts) > 1:
                yield f"{spelled}/".encode()
                yield f'"{spelled}"'.encode()


def _problems(row: ArtifactRow, path: Path) -> Iterator[str]:
    """What is wrong with one artifact by its own bytes."""
    data = path.read_bytes()
    if not data:
        yield "it is empty"
    elif row.media_type == "application/json" or row.media_type.endswith("+json"):
        try:
            found = json.loads(data)
        except ValueError as error:
            yield f"no JSON: {error}"
        else:
            if "plotly" in row.media_type and not (isinstance(found, dict) and found.get("data")):
                yield "a Plotly figure without data"
    elif row.media_type == "image/png":
        if why := png_problem(data):
            yield why
    elif row.media_type == "image/svg+xml" and (why := svg_problem(data)):
        yield why


def svg_problem(data: bytes) -> str:
    """Why an SVG shows nothing; "" for one that shows something.

    >>> svg_problem(b"<svg xmlns='http://www.w3.org/2000/svg'><g/></svg>")
    'an SVG on which nothing is drawn'
    """
    try:
        root = ElementTree.fromstring(data)
    except ElementTree.ParseError as error:
        return f"no XML: {error}"
    names = [str(element.tag).rpartition("}")[2] for element in root.iter()]
    if names[0] != "svg":
        return f"no SVG but <{names[0]}>"
    return "" if any(name in _DRAWN for name in names[1:]) else "an SVG on which nothing is drawn"


def png_problem(data: bytes) -> str:
    """Why a PNG cannot be seen: damaged, cut short, or of one colour; "" for a sound one.

    Chunks, checksums and filters as in the PNG specification, <https://www.w3.org/TR/png-3/>. Whether it is of one
    colour is told for eight bits or more a sample without interlacing.
    """
    if not data.startswith(_PNG):
        return "no PNG"
    at, packed, header, ended = len(_PNG), b"", b"", False
    while at + 12 <= len(data) and not ended:
        (size,) = struct.unpack(">I", data[at : at + 4])
        kind, body, check = (
            data[at + 4 : at + 8],
            data[at + 8 : at + 8 + size],
            data[at + 8 + size : at + 12 + size],
        )
        if len(check) < 4 or struct.pack(">I", zlib.crc32(kind + body)) != check:
            return f"a PNG damaged at byte {at:,}"
        header = body if kind == b"IHDR" else header
        packed += body if kind == b"IDAT" else b""
        ended = kind == b"IEND"
        at += 12 + size
    if not ended or len(header) != 13:
        return "a PNG that is cut short"
    width, height, bits, colour, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    try:
        pixels = zlib.decompress(packed)
    except zlib.error as error:
        return f"a PNG whose pixels cannot be read: {error}"
    bytes_each = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}.get(colour, 0) * bits // 8
    if not bytes_each or interlaced:
        return ""
    if len(pixels) != height * (1 + width * bytes_each):
        return "a PNG with another number of pixels than it says"
    return "a PNG of one colour" if _of_one_colour(pixels, width, height, bytes_each) else ""


def _of_one_colour(pixels: bytes, width: int, height: int, each: int) -> bool:
    """Whether filtered rows are what they must be where every pixel is the first one."""
    colour = pixels[1 : 1 + each]
    nothing = bytes(each)
    half = bytes(byte - byte // 2 for byte in colour)
    for row in range(height):
        start = row * (1 + width * each)
        kind, line = pixels[start], pixels[start + 1 : start + 1 + width * each]
        above = row > 0
        # A filter takes the pixel to the left, the one above, their mean, or the nearest of three (Paeth) away.
        first, others = {
            0: (colour, colour),
            1: (colour, nothing),
            2: (nothing, nothing) if above else (colour, colour),
            3: (half, nothing) if above else (colour, half),
            4: (nothing, nothing) if above else (colour, nothing),
        }.get(kind, (b"", b""))
        if line != first + others * (width - 1):
            return False
    return True


def _table_problems(
    case: Case, tables: dict[ArtifactRow, Path], paths: dict[ArtifactRow, Path]
) -> Iterator[str]:
    """Tables that the app's environment cannot read, or whose preview says another number of rows."""
    if not tables:
        return
    previews = {(row.unit_id, row.name): path for row, path in paths.items() if row.name.endswith(".preview")}
    python = case.installed().environment.python
    done = subprocess.run(
        [str(python), "-P", "-c", _TABLES],
        input=json.dumps([str(path) for path in tables.values()]),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    if done.returncode:
        yield f"the app's environment cannot read tables: {done.stderr.strip().splitlines()[-1:]}"
        return
    for row, found in zip(tables, json.loads(done.stdout), strict=True):
        if isinstance(found, str):
            yield f"{row.place}: {found}"
            continue
        preview = previews.get((row.unit_id, row.name.removesuffix(".parquet") + ".preview"))
        said = json.loads(preview.read_bytes())["count"] if preview else found[0]
        if said != found[0]:
            yield f"{row.place}: {found[0]} rows, its preview says {said}"
        elif not found[1]:
            yield f"{row.place}: a table without columns"
