"""`agilab app export · import · package`: how an app leaves this machine, and comes to another."""

from __future__ import annotations

from pathlib import Path

import click
import rich_click

from agi_node.errors import DONE
from agilab.cli.choices import APP
from agilab.cli.commands import SETTINGS, examples, json_option


@rich_click.command(
    "export",
    context_settings=SETTINGS,
    epilog=examples(
        ("agilab app export tides", "to tides_project.zip in this folder"),
        ("agilab app export tides --with-data --to shared/tides.zip", ""),
    ),
)
@click.argument("app", type=APP)
@click.option("--with-data", is_flag=True, help="Take along what lies below data/ too.")
@click.option(
    "--to",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The zip (default: NAME.zip here, NAME-with-data.zip with its data).",
)
@click.option("--force", is_flag=True, help="Replace a file of that name.")
@json_option
def export(app: str, with_data: bool, to: Path | None, force: bool, as_json: bool) -> int:
    """Write an app to a zip.

    Holds its source, settings, lock and local libraries, the digest of every file, and nothing of this machine: no
    environment, cache, history, secret or link. The same app gives the same bytes every time.
    """
    from agilab.cli.app_view import after, head, told, typed
    from agilab.cli.progress import Progress
    from agilab.cli.render import print_json
    from agilab.cli.words import plural, short, size
    from agilab.projects.life.export import export_app
    from agilab.store.workspace import Workspace

    with Progress(quiet=as_json):
        done = export_app(Workspace.default(), app, to, data=with_data, force=force)
    if as_json:
        print_json(done.to_plain())
        return DONE
    head(done.app, "is there already, with the same bytes" if done.already else "is exported")
    rows = [("file", f"{short(done.path)}, {plural(done.files, 'file')}, {size(done.bytes)}")]
    told([*rows, ("sha256", done.digest)], done.left_out, done.notes)
    after([(f"agilab app import {typed(done.path.name)}", "on another machine")])
    return DONE


@rich_click.command(
    "import",
    context_settings=SETTINGS,
    epilog=examples(
        ("agilab app import tides_project.zip", "to ./tides_project"),
        ("agilab app import tides_project-0.1.0-py3-none-any.whl --name waves", "under another name"),
        ("agilab app import ~/Downloads/tides_project", "a folder: copied, and nothing vouches for it"),
    ),
)
@click.argument("path", type=click.Path(path_type=Path), metavar="PATH")
@click.option("--name", metavar="NAME", help="What it is to be called here.")
@click.option(
    "--into", type=click.Path(path_type=Path), metavar="FOLDER", help="Where it goes instead of here."
)
@click.option(
    "--max-size",
    type=click.IntRange(min=1),
    metavar="MB",
    help="How much it may unpack to (default: 1 GB, or 200 times the file).",
)
@json_option
def import_(path: Path, name: str | None, into: Path | None, max_size: int | None, as_json: bool) -> int:
    """Verify an exported or packaged app and bring it in.

    PATH is a zip, a wheel, or a folder. Every byte is verified before anything is written, and nothing is executed.
    Exit code 1 names what does not hold.
    """
    from agilab.cli.app_view import after, head, patiently, told
    from agilab.cli.progress import Progress
    from agilab.cli.render import print_json
    from agilab.cli.words import plural, short
    from agilab.projects.life.contents import LeftOut
    from agilab.projects.life.intake import import_app
    from agilab.store.workspace import Workspace

    limit = None if max_size is None else max_size * 10**6
    with Progress(quiet=as_json) as progress:
        done = import_app(
            Workspace.default(), path, into=into, name=name, max_bytes=limit, say=patiently(progress.say)
        )
    if as_json:
        print_json(done.to_plain())
        return DONE
    vouched = "verified" if done.verified else "copied"
    head(done.app.name, f"came in: {plural(done.files, 'file')} {vouched}")
    rows = [("folder", short(done.app.folder))]
    if done.wheels:
        rows.append(("wheels", f"{done.wheels}, at hand for its environment"))
    told(rows, [LeftOut(one.path, one.why, one.size) for one in done.missing], done.notes)
    short_name = done.app.name.removesuffix("_project")
    install = f"agilab app install {short_name}" + (" --offline" if done.wheels else "")
    after([(install, "make its environment"), (f"agilab run {short_name}", "run it")])
    return DONE


@rich_click.command(
    "package",
    context_settings=SETTINGS,
    epilog=examples(
        ("agilab app package tides", "a wheel that also carries the app"),
        ("agilab app package tides --wheelhouse", "a zip with every locked wheel for this platform"),
        ("agilab app import FILE", "on the other machine, for either"),
    ),
)
@click.argument("app", type=APP)
@click.option(
    "--wheelhouse", is_flag=True, help="Bring along what it needs, so that it runs without a network."
)
@click.option(
    "--to", type=click.Path(path_type=Path), metavar="FOLDER", help="Where the file goes instead of here."
)
@click.option("--offline", is_flag=True, help="Build without a network: a build backend must be at hand.")
@json_option
def package(app: str, wheelhouse: bool, to: Path | None, offline: bool, as_json: bool) -> int:
    """Build an app into one file for another machine.

    Without --wheelhouse it is a wheel: pip and uv install it, and `agilab app import` takes the whole app out of it.
    The app's own build backend runs, in a copy of the app.
    """
    from agilab.cli.app_view import after, head, told, typed
    from agilab.cli.progress import Progress
    from agilab.cli.render import print_json
    from agilab.cli.words import short, size
    from agilab.projects.life.package import package_app
    from agilab.store.workspace import Workspace

    with Progress(quiet=as_json) as progress:
        done = package_app(
            Workspace.default(), app, to, wheelhouse=wheelhouse, offline=offline, say=progress.say
        )
    if as_json:
        print_json(done.to_plain())
        return DONE
    head(done.app, "is there already, with the same bytes" if done.already else "is packaged")
    rows = [("file", f"{short(done.path)}, {size(done.bytes)}"), ("sha256", done.digest)]
    if done.built_for is not None:
        rows.insert(1, ("wheels", f"{done.wheels}, for {done.built_for}"))
    told(rows, done.left_out, ())
    after([(f"agilab app import {typed(done.path.name)}", "on another machine")])
    return DONE
