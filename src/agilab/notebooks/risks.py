"""What to look at before a notebook becomes a pipeline: network, people, widgets, text run as code, secrets, loops."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from agilab.notebooks.code.values import Evaluator
from agilab.notebooks.code.walking import Nodes, Place
from agilab.notebooks.document.cells import Notebook
from agilab.notebooks.findings import Finding
from agilab.notebooks.python.shell_lines import install_of, shell_finding
from agilab.notebooks.rules import found
from agilab.notebooks.secrets import is_literal_secret, is_secret_name, name_of, redact, shaped

_NAMES = {
    "NB-502": "input raw_input getpass.getpass pdb.set_trace breakpoint google.colab.files.upload",
    "NB-504": "exec eval execfile compile",
    "NB-506": "get_ipython IPython.get_ipython IPython.core.getipython.get_ipython",
    "NB-509": "google.colab.drive.mount google.colab.files.download google.colab.auth.authenticate_user",
    "NB-305": "os.chdir os.fchdir",
    "NB-510": "os.remove os.unlink os.rmdir os.removedirs shutil.rmtree shutil.move",
}
_BY_NAME = {name: code for code, names in _NAMES.items() for name in names.split()}
_WORDS = {
    "NB-502": "waits for a person",
    "NB-504": "runs text as code",
    "NB-506": "works inside IPython only",
    "NB-509": "exists on its platform only",
    "NB-510": "deletes or moves files",
    "NB-305": "changes the working folder",
}

_NETWORK = re.compile(
    r"(requests|httpx|aiohttp|urllib3)\."
    r"(get|post|put|patch|delete|head|request|Session|Client|AsyncClient|ClientSession|PoolManager)"
    r"|urllib\.request\.(urlopen|urlretrieve|Request)|urllib2?\.urlopen|urllib\.urlretrieve|wget\.download|gdown\.download"
    r"|socket\.(socket|create_connection)|ftplib\.\w+|paramiko\.\w+|boto3\.(client|resource|Session)|kagglehub\.\w+"
    r"|yfinance\.(download|Ticker)|openml\.\w+\.\w+|pandas_datareader\.\w+(\.\w+)?|tweepy\.\w+|openai\.\w+"
    r"|google\.cloud\.\w+\.\w+|pymongo\.MongoClient|redis\.Redis|selenium\.webdriver\.\w+"
    r"|(psycopg2?|mysql\.connector|pymysql)\.connect|datasets\.load_dataset|huggingface_hub\.\w+"
    r"|tensorflow_datasets\.load|tensorflow_hub\.load|torch\.hub\.load|nltk\.download|sklearn\.datasets\.fetch_\w+"
    r"|(seaborn|sns)\.load_dataset|spacy\.cli\.download|gensim\.downloader\.load|xarray\.tutorial\.(open|load)_dataset"
    r"|(tensorflow\.)?keras\.(utils\.get_file|datasets\.\w+\.load_data)|statsmodels\.api\.datasets\.get_rdataset"
)
_PRETRAINED = frozenset({"from_pretrained", "download_and_prepare"})
_WIDGETS = re.compile(
    r"ipywidgets\.\w+|bqplot\.\w+|ipyleaflet\.\w+|IPython\.html\.widgets\.\w+|panel\.(widgets\.\w+|serve)|gradio\.\w+"
)
_PROGRAMS = frozenset({
    "os.system", "os.popen", "os.startfile", "os.execv", "subprocess.run", "subprocess.call", "subprocess.check_call",
    "subprocess.check_output", "subprocess.Popen", "subprocess.getoutput", "commands.getoutput", "sh.bash",
})  # fmt: skip
_EXITS = frozenset({"sys.exit", "exit", "quit"})
_AWAITS = ast.Await | ast.AsyncFor | ast.AsyncWith
_DATABRICKS = frozenset({"dbutils"})


def code_risks(
    nodes: Nodes, evaluator: Evaluator, translated: frozenset[int], *, tried: bool = False
) -> list[Finding]:
    """The risks in one cell's code. `translated` are lines that magics became: those have findings of their own.

    Where a cell is `tried`, its stage goes on below an exit.
    """
    findings: dict[Finding, None] = {}
    awaited = [node.lineno for node, place in nodes if isinstance(node, _AWAITS) and not place.function]
    if awaited:
        findings[found("NB-105", "await outside a function", cell=nodes[0][1].cell, line=min(awaited))] = None
    for node, place in nodes:
        for finding in _of_node(node, place, evaluator, translated):
            if not (tried and finding.code == "NB-512"):
                findings[finding] = None
    return list(findings)


def _of_node(
    node: ast.AST, place: Place, evaluator: Evaluator, translated: frozenset[int]
) -> Iterator[Finding]:
    if isinstance(node, ast.Call):
        if node.lineno not in translated or evaluator.dotted(node.func) == "os.chdir":
            yield from _of_call(node, place, evaluator)
    elif isinstance(node, ast.While):
        if _is_endless(node):
            yield found(
                "NB-505", "while True without break, return or raise", cell=place.cell, line=node.lineno
            )
    elif isinstance(node, ast.Name) and node.id in _DATABRICKS and place.scope.owner(node.id) is None:
        yield found("NB-509", f"{node.id} exists on Databricks only", cell=place.cell, line=node.lineno)


def _of_call(node: ast.Call, place: Place, evaluator: Evaluator) -> Iterator[Finding]:
    name = evaluator.dotted(node.func)
    bare = name.removeprefix("builtins.")
    if "." not in bare and place.scope.owner(bare) is not None and bare not in evaluator.imported:
        return  # a function of the notebook's own that is called `input` or `exec`
    code = _BY_NAME.get(bare)
    if code:
        yield found(code, f"{bare}() {_WORDS[code]}", cell=place.cell, line=node.lineno)
    elif bare in _EXITS and not place.function and _is_done(node):
        what = f"{bare}() ends the notebook, if it comes to it; in the lab it ends its stage alone"
        yield found("NB-512", what, cell=place.cell, line=node.lineno)
    elif bare in _PROGRAMS:
        yield _of_program(node, bare, place, evaluator)
    elif _NETWORK.fullmatch(bare) or (isinstance(node.func, ast.Attribute) and node.func.attr in _PRETRAINED):
        shown = bare or f".{node.func.attr}" if isinstance(node.func, ast.Attribute) else bare
        yield found("NB-501", f"{shown}() uses the network", cell=place.cell, line=node.lineno)
    elif _WIDGETS.fullmatch(bare):
        yield found("NB-503", f"{bare}() is a widget", cell=place.cell, line=node.lineno)


def _is_done(node: ast.Call) -> bool:
    """Whether who exits so says that all is well; a stage that exits with an error fails, as the notebook does."""
    return not node.args or (isinstance(node.args[0], ast.Constant) and node.args[0].value in (None, 0))


def _of_program(node: ast.Call, name: str, place: Place, evaluator: Evaluator) -> Finding:
    """`os.system("pip install x")` installs; the rest starts a program."""
    command = _command(node, place, evaluator)
    install = install_of(command)
    if install:
        return found("NB-113", install.what, cell=place.cell, line=node.lineno)
    code, what = shell_finding(command)
    if code == "NB-112":
        return found("NB-508", f"{name}() starts “{redact(command)}”", cell=place.cell, line=node.lineno)
    return found(code, what.removeprefix("!"), cell=place.cell, line=node.lineno)


def _command(node: ast.Call, place: Place, evaluator: Evaluator) -> str:
    """What a call starts, as one line."""
    if not node.args:
        return ""
    first = node.args[0]
    words = first.elts if isinstance(first, ast.List | ast.Tuple) else [first]
    command = " ".join(evaluator.texts(word, place)[0].text for word in words)
    return command.replace("{sys.executable}", "python").strip()


def installs_of(nodes: Nodes, evaluator: Evaluator, translated: frozenset[int]) -> list[tuple[str, int, int]]:
    """(requirement, cell, line) of what Python code installs by starting pip."""
    result = []
    for node, place in nodes:
        if (
            isinstance(node, ast.Call)
            and node.lineno not in translated
            and evaluator.dotted(node.func) in _PROGRAMS
        ):
            install = install_of(_command(node, place, evaluator))
            result += [(text, place.cell, node.lineno) for text in install.requirements] if install else []
    return result


def _is_endless(node: ast.While) -> bool:
    if not (isinstance(node.test, ast.Constant) and node.test.value):
        return False
    todo: list[ast.AST] = list(node.body)
    while todo:
        item = todo.pop()
        if isinstance(item, ast.Break | ast.Return | ast.Raise | ast.Yield | ast.YieldFrom):
            return False  # of a generator whoever asks it makes an end
        if (
            isinstance(item, ast.Call)
            and isinstance(item.func, ast.Attribute)
            and item.func.attr in ("exit", "_exit")
        ):
            return False
        if not isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            todo += ast.iter_child_nodes(item)
    return True


# ---- secrets


@dataclass(frozen=True)
class Secret:
    """A credential that stands in the notebook. Its text is for hiding it, never for showing.

    Attributes:
        text: It.
        what: What it looks like, in words that may be shown.
        cell: Index of the cell.
        line: In that cell, from 1; None in an output.
    """

    text: str = field(repr=False)
    what: str
    cell: int
    line: int | None

    def finding(self) -> Finding:
        """NB-507."""
        mend = None if self.line else "revoke it, and clear the outputs"
        return found("NB-507", self.what, cell=self.cell, line=self.line, mend=mend)


def secrets_of(notebook: Notebook, cells: Iterable[Nodes]) -> list[Secret]:
    """Credentials by the name that they are given to (in code) and by their shape (everywhere)."""
    secrets = [secret for nodes in cells for node, place in nodes for secret in _named_secrets(node, place)]
    known = {(secret.cell, secret.text) for secret in secrets}
    for cell in notebook.cells:
        for kind, text, position in shaped(cell.source):
            if (cell.index, text) not in known:
                line = cell.source.count("\n", 0, position) + 1
                secrets.append(Secret(text, f"{kind} of {len(text)} characters", cell.index, line))
        for part in (part for output in cell.outputs for part in output.parts):
            secrets += [
                Secret(text, f"{kind} in an output", cell.index, None) for kind, text, _ in shaped(part.text)
            ]
    return list(dict.fromkeys(secrets))


def _named_secrets(node: ast.AST, place: Place) -> Iterator[Secret]:
    if isinstance(node, ast.Assign):
        for target in node.targets:
            yield from _named(name_of(target), node.value, place)
    elif isinstance(node, ast.AnnAssign):
        yield from _named(name_of(node.target), node.value, place)
    elif isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant):
                yield from _named(str(key.value), value, place)
    elif isinstance(node, ast.keyword):
        yield from _named(node.arg or "", node.value, place)


def _named(name: str, value: ast.expr | None, place: Place) -> Iterator[Secret]:
    if not (isinstance(value, ast.Constant) and isinstance(value.value, str) and is_secret_name(name)):
        return
    if is_literal_secret(value.value, name):
        what = f"“{redact(name)}” is given a literal of {len(value.value)} characters"
        yield Secret(value.value, what, place.cell, value.lineno)
