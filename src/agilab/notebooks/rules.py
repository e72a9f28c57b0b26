"""What each code means: the text behind `--explain NB-103`, and the one way to make a finding of it."""

from __future__ import annotations

from dataclasses import dataclass

from agi_node.errors import AgiError
from agilab.notebooks.findings import Finding, Severity

LONGEST = 400
"""Characters of a finding's sentence: one made of somebody's ten-thousand-character line is of no use."""


@dataclass(frozen=True)
class Rule:
    """A kind of finding.

    Attributes:
        severity: Of every finding of this kind.
        title: In a few words.
        why: Why somebody should care.
        mend: What to do; a finding may know better.
    """

    severity: Severity
    title: str
    why: str
    mend: str = ""


RULES: dict[str, Rule] = {
    # the file
    "NB-001": Rule("error", "no such file", "There is nothing to read.", "check the path"),
    "NB-002": Rule(
        "error", "not a file", "Folders, pipes and devices hold no notebook.", "name the .ipynb file itself"
    ),
    "NB-003": Rule(
        "error",
        "cannot be opened",
        "The operating system refused to hand over the bytes.",
        "check who may read it",
    ),
    "NB-004": Rule(
        "error",
        "too large",
        "Beyond the limit nothing is read, so that one file cannot take the machine's memory.",
        "clear its outputs: jupyter nbconvert --clear-output --inplace FILE",
    ),
    "NB-005": Rule(
        "error", "empty", "The file has no content.", "take it from version control or a checkpoint again"
    ),
    "NB-006": Rule(
        "error",
        "a web page or XML",
        "A page around the notebook was saved, or an answer of a server that refused it.",
        "download the raw file (on a forge: “Raw”)",
    ),
    "NB-007": Rule(
        "error",
        "an unresolved merge",
        "Git left both sides in the file; either may be wrong.",
        "settle the merge first (nbdime's `nbmerge` knows notebooks)",
    ),
    "NB-008": Rule(
        "error", "a Git LFS pointer", "The content was not fetched.", "git lfs pull, then read it again"
    ),
    "NB-009": Rule(
        "error", "binary or packed", "The bytes are no text.", "unpack it, or export the notebook as .ipynb"
    ),
    "NB-010": Rule("error", "broken JSON", "A notebook is JSON; here the syntax fails.", "mend it at that line"),
    "NB-011": Rule(
        "error",
        "cut short",
        "The file ends in the middle. The cells before the cut are read; what followed is lost.",
        "take it from version control or a checkpoint again",
    ),
    "NB-012": Rule("error", "nested too deep", "No notebook nests its JSON like that.", "look where it came from"),
    "NB-013": Rule("error", "JSON, but no notebook", "It has neither cells nor worksheets.", "name another file"),
    "NB-014": Rule(
        "error",
        "text, but no notebook",
        "The content is no JSON.",
        "a Python script should end in .py, Markdown in .md",
    ),
    "NB-015": Rule(
        "error",
        "jupytext is not installed",
        "Text formats are read by jupytext.",
        "uv tool install jupytext, then: jupytext --to ipynb FILE; or install jupytext beside agilab",
    ),
    "NB-016": Rule("error", "jupytext failed", "The text is none of its formats.", "check the file's header"),
    # oddities of the file
    "NB-020": Rule(
        "warning",
        "not UTF-8",
        "Notebooks are UTF-8; another encoding had to be taken, and letters may be wrong.",
        "save it as UTF-8",
    ),
    "NB-021": Rule(
        "warning", "NUL bytes", "Zero bytes, as a machine that lost power leaves them, were dropped.", "save it again"
    ),
    "NB-022": Rule(
        "warning", "a key twice", "JSON readers keep the last of two equal keys; the first is lost.", "remove one"
    ),
    "NB-023": Rule("note", "NaN or Infinity", "JSON has no such numbers; other readers refuse the file."),
    "NB-024": Rule("note", "raw control characters", "JSON wants them escaped; other readers refuse the file."),
    "NB-025": Rule(
        "warning", "more after the end", "Something follows the notebook in the file; it was not read.", "remove it"
    ),
    "NB-026": Rule(
        "warning",
        "unknown nbformat",
        "The version is not one that this reads for certain; it was read as the nearest.",
        "save it from Jupyter as nbformat 4",
    ),
    "NB-027": Rule(
        "warning", "nbformat unsaid", "The file does not say its version; its shape was taken.", "save it from Jupyter"
    ),
    "NB-028": Rule("note", "an older format", "Translated to nbformat 4's words while reading."),
    "NB-029": Rule("warning", "a cell that is none", "It was left out; its place is kept.", "remove or mend it"),
    "NB-030": Rule("warning", "a cell's key is missing or odd", "The nearest sensible value was taken."),
    "NB-031": Rule("warning", "a cell id twice", "Ids must differ; a derived one was taken for the later cell."),
    "NB-032": Rule("note", "an output that is none", "It was left out."),
    "NB-033": Rule("warning", "half a character", "A lone surrogate cannot be written as UTF-8.", "write it anew"),
    "NB-034": Rule("note", "several worksheets", "nbformat 3 allowed them; their cells were joined in order."),
    "NB-035": Rule("warning", "no cells", "There is nothing to import.", "check that this is the right file"),
    "NB-036": Rule(
        "warning",
        "lines run together",
        "In a list of lines each ends with its line end; Jupyter joins them as they are, and so does this.",
        "add the line ends, or write the source as one text",
    ),
    "NB-037": Rule(
        "note",
        "a picture inside a cell",
        "It becomes a file in the lab's folder attachments/, and an attachment again in a notebook that is exported.",
    ),
    # the language of its cells
    "NB-101": Rule(
        "warning",
        "not Python",
        "The cells are kept whole; imports, files and data flow are read from Python only.",
        "run them with their own kernel, or write in Python what the pipeline needs of them",
    ),
    "NB-102": Rule("note", "language unsaid", "The notebook names no kernel; its cells parse as Python."),
    "NB-103": Rule(
        "warning", "a cell does not parse", "Nothing is known of what it does.", "mend the line"
    ),
    "NB-104": Rule(
        "warning",
        "Python 2",
        "It cannot run on any Python that is maintained, and is not analysed.",
        "translate it, for example with `2to3`",
    ),
    "NB-105": Rule(
        "note",
        "await outside a function",
        "Jupyter runs an event loop around cells; a script does not.",
        "put it into `async def main()` and call asyncio.run(main())",
    ),
    "NB-106": Rule("warning", "newer Python", "The cell uses syntax that this interpreter does not know."),
    "NB-110": Rule("note", "a magic dropped", "It only changes how the notebook shows or reloads things."),
    "NB-111": Rule(
        "warning", "a magic without translation", "It means something only inside IPython.", "write it in Python"
    ),
    "NB-112": Rule(
        "warning",
        "a shell command",
        "It depends on the machine's programs, and what it reads or writes is not certain.",
        "declare what it leaves behind as an output, or write it in Python",
    ),
    "NB-113": Rule(
        "warning",
        "installs packages",
        "A pipeline gets its packages from a lock file, once, not from a cell.",
        "declare them: uv add NAME",
    ),
    "NB-114": Rule(
        "warning", "a cell in another language", "Its content is kept, not analysed.", "declare its inputs and outputs"
    ),
    "NB-115": Rule(
        "warning",
        "runs another file",
        "Whatever that file defines comes into the notebook; it is not in this analysis.",
        "import the functions that you need from it",
    ),
    "NB-116": Rule("note", "measures time only", "IPython throws away what such a line computes; it was left out."),
    "NB-117": Rule("note", "asks for help", "It shows documentation and computes nothing."),
    "NB-118": Rule("note", "prompts were pasted", "`>>>` or `In [1]:` were removed, as IPython does."),
    "NB-119": Rule("note", "a magic without %", "Taken for the magic of that name, as IPython does."),
    "NB-120": Rule(
        "warning",
        "%store",
        "It keeps values outside the notebook: another machine, or a clean one, has none of them.",
        "write the value to a file and read that",
    ),
    "NB-121": Rule(
        "warning",
        "a blank after %",
        "IPython up to version 6 passed over it; later ones know no magic without a name, and the notebook ends there.",
        "write it without the blank",
    ),
    "NB-122": Rule(
        "note",
        "a cell that may raise",
        "Where notebooks are run from top to bottom, they go on below it; its stage does, too.",
    ),
    # imports
    "NB-201": Rule("warning", "imports by a computed name", "Known only when it runs.", "import it plainly"),
    "NB-202": Rule(
        "warning",
        "distribution not known",
        "A module's name is no proof: on PyPI a stranger may have it. What is in no table is not installed unasked.",
        "find out what provides it, then: uv add NAME",
    ),
    "NB-203": Rule(
        "warning", "imports everything", "Which names come is known only when it runs.", "import by name"
    ),
    "NB-204": Rule(
        "warning",
        "changes where modules are found",
        "The import depends on the folder it is run in.",
        "make the modules a package, or put them beside the notebook",
    ),
    "NB-205": Rule("note", "a module of one's own", "It lies beside the notebook, or a cell writes it: no package."),
    "NB-206": Rule(
        "note",
        "a package that is done without",
        "A module of one's own goes on where it is not there (`try: import torch … except ImportError`).",
        "add it if results depend on it: uv add NAME",
    ),
    "NB-207": Rule(
        "note",
        "versions that the project names",
        "`requirements.txt`, `pyproject.toml` or `environment.yml` says which: values are those of the notebook.",
        "other ones: uv add 'NAME>=VERSION' in the lab's folder",
    ),
    "NB-208": Rule(
        "note",
        "an import of everything, written out",
        "The module is one's own, so its text has the names: stages import those that the notebook uses.",
    ),
    "NB-209": Rule(
        "note",
        "a program's packages",
        "It runs in the environment of its stage, so what it imports is among the lab's packages.",
    ),
    # files
    "NB-301": Rule("note", "a path that is computed", "Only its pattern is known.", "name it in an argument"),
    "NB-302": Rule("warning", "an absolute path", "It exists on one machine.", "put the folder into an argument"),
    "NB-303": Rule(
        "warning",
        "a path outside its folder",
        "`..` leaves the notebook's folder, for what does not lie in its project, up to three folders above.",
        "bring it into the project, or put the folder into an argument",
    ),
    "NB-304": Rule("warning", "a path in the home folder", "It differs for each user.", "put it into an argument"),
    "NB-305": Rule(
        "warning",
        "changes the working folder",
        "Relative paths after it are meant from there; here they are shown as written.",
        "put the folder into the paths",
    ),
    "NB-306": Rule(
        "warning",
        "read, and seen to be made by no cell",
        "The file is not beside the notebook, and no cell says that it writes it: some call makes it out of sight.",
        "declare it as an output of the stage that makes it",
    ),
    "NB-307": Rule(
        "warning",
        "a file that may not be written",
        "A stage that does not leave what it promises fails; so a file is promised that is written whatever turns out.",
        "write it in every run, or name it among the outputs of its stage if it always is",
    ),
    "NB-308": Rule(
        "warning",
        "a file that is read only if something turns out",
        "It is not beside the notebook and no cell makes it, so no stage is given it.",
        "put it there and name it among the inputs of its stage, if it is to be read",
    ),
    "NB-309": Rule(
        "warning",
        "a file that a parameter names",
        "A run may be given another value; its stage names the file of the usual one.",
        "name a pattern among its inputs or outputs, such as out/*.csv",
    ),
    "NB-310": Rule(
        "note",
        "looks at its own folder",
        "Its stage sees the files that stages above make, and nothing else that lies there.",
        "put what is to be found into a folder of its own, and look there",
    ),
    "NB-311": Rule(
        "warning",
        "goes up until it finds something",
        "Above a stage's folder lies what it takes and nothing else; a loop that looks for more there never ends.",
        "write the folder: ROOT = Path('..')",
    ),
    "NB-312": Rule(
        "warning",
        "a path that one's own module computes",
        "Its stage has an empty folder, in which nothing is found; a file is there only if the stage names it.",
        "add what it reads to the stage's inputs, and what it writes to its outputs",
    ),
    "NB-313": Rule(
        "warning",
        "a package of very many files",
        "It asks where it lies, so a stage takes what lies in it; of many files only the first.",
        "keep its data elsewhere, or add what it reads to the stage's inputs",
    ),
    "NB-314": Rule(
        "warning",
        "a file of settings, which is one for secrets, too",
        "What a stage takes is kept with every run and exported with it, so one that holds secrets is not taken.",
        "see that it holds no secret",
    ),
    "NB-315": Rule(
        "note",
        "a file that two notebooks write",
        "Its stages come one after another, as if the notebooks were run in this order; the last one's file is left.",
        "give one of them another name, if both are to be kept",
    ),
    "NB-316": Rule(
        "note",
        "a shell reads what is not there",
        "It says so and a notebook goes on, so no stage waits for the file.",
        "put it beside the notebook, if it is to be read",
    ),
    "NB-317": Rule(
        "warning",
        "a file that a program may make",
        "Nothing says so, and it is not beside the notebook, so it is read in the stage in which the program runs.",
        "put it there, if the program does not make it",
    ),
    "NB-318": Rule(
        "note",
        "a pattern that finds nothing",
        "A notebook goes on with nothing, so the input is optional: a run begins with what it finds then.",
        "mend the pattern, if it is to find something",
    ),
    # how it was run
    "NB-401": Rule(
        "warning",
        "run in another order",
        "Run from top to bottom it may give something else than it shows.",
        "restart the kernel, run all, and see whether it still holds",
    ),
    "NB-402": Rule(
        "note", "counts are missing", "Cells ran again or are gone; values may stem from them."
    ),
    "NB-403": Rule("note", "cells never run", "What they do was not seen by whoever saved the notebook."),
    "NB-404": Rule("warning", "an error among the outputs", "The notebook did not run through when it was saved."),
    "NB-405": Rule("note", "large outputs", "They are kept by digest and size; a notebook is no place for them."),
    "NB-406": Rule(
        "warning", "a count twice", "The outputs stem from several sessions of the kernel, so may not fit together."
    ),
    # risks
    "NB-501": Rule("warning", "uses the network", "A year later it may fail, or give something else."),
    "NB-502": Rule("warning", "asks a person", "Without one it waits for ever, or fails.", "make it an argument"),
    "NB-503": Rule("warning", "widgets", "With nobody there they keep their first values.", "make it an argument"),
    "NB-504": Rule("warning", "runs text as code", "What it defines, uses, reads and writes cannot be known."),
    "NB-505": Rule("warning", "a loop without an end in sight", "The stage may never finish.", "bound it"),
    "NB-506": Rule("warning", "needs IPython", "`get_ipython()` is there only inside IPython."),
    "NB-507": Rule(
        "error",
        "looks like a secret",
        "Whoever has the notebook has the key. It is never repeated here.",
        'revoke it, and read it from the environment: os.environ["NAME"]',
    ),
    "NB-508": Rule("warning", "starts programs", "It depends on the machine.", "declare what they leave as outputs"),
    "NB-509": Rule("warning", "bound to a platform", "The call exists only on that platform.", "replace it by a path"),
    "NB-510": Rule("warning", "deletes files", "A second run may find something else than the first."),
    "NB-511": Rule(
        "warning",
        "random numbers without a seed",
        "Each run gives other numbers; a comparison with the notebook will show that and nothing else.",
        "seed it once: rng = numpy.random.default_rng(1)",
    ),
    "NB-512": Rule(
        "warning",
        "ends the notebook",
        "Nothing below it is run in Jupyter. In a lab the stages below that need nothing of its stage are run.",
        "take out the cells below, or let it raise with a reason: sys.exit('no data')",
    ),
    "NB-513": Rule(
        "warning",
        "asks a git repository",
        "A stage has the files that it says it takes, in a folder of its own: git finds no history there.",
        "name the commit in a parameter, or have git look elsewhere: git -C /path/of/the/project log",
    ),
}  # fmt: skip


def found(
    code: str, what: str, *, cell: int | None = None, line: int | None = None, mend: str | None = None
) -> Finding:
    """A finding of a rule, with the rule's severity and, unless told better, its mend."""
    rule = RULES[code]
    flat = " ".join(what.split())
    short = flat if len(flat) <= LONGEST else flat[: LONGEST - 1] + "…"
    return Finding(code, rule.severity, short, rule.mend if mend is None else mend, cell, line)


def explain(code: str) -> Rule:
    """What a code means.

    Raises:
        AgiError: AGI-NB-001, there is no such code.
    """
    rule = RULES.get(code.upper())
    if rule is None:
        raise AgiError(
            "AGI-NB-001",
            "no finding has that code",
            found=code,
            allowed="NB-001 to NB-511, as `agilab notebook inspect` prints them",
        )
    return rule
