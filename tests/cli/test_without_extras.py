"""What people have who installed AGILab and nothing else: no Jupyter, no Dask, no tool of ours."""

import subprocess
import sys

EXTRAS = ["IPython", "distributed", "hypothesis", "ipykernel", "jupytext", "nbclient", "nbformat", "pytest"]
SCRIPTS = {"agilab.workflow.notebooks.in_kernel"}
"""Run by an interpreter that has Jupyter, and imported by nobody."""
IMPORT_ALL = """
import importlib, pkgutil, sys
extras, scripts = eval(sys.argv[1]), eval(sys.argv[2])
sys.modules.update(dict.fromkeys(extras))  # with None there, an import of it fails
import agilab
failed, rooms = {}, [(agilab.__path__, "agilab.")]
seen = 0
while rooms:
    path, prefix = rooms.pop()
    for found in pkgutil.iter_modules(path, prefix):
        if found.name in scripts or found.name.endswith("__main__"):
            continue
        seen += 1
        try:
            module = importlib.import_module(found.name)
        except ImportError as problem:
            failed[found.name] = str(problem)
        else:
            if found.ispkg:
                rooms.append((module.__path__, found.name + "."))
print(seen, failed)
"""


def test_every_module_can_be_imported_without_the_extras() -> None:
    words = [sys.executable, "-c", IMPORT_ALL, repr(EXTRAS), repr(SCRIPTS)]
    told = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    seen, _, failed = told.partition(" ")
    assert int(seen) > 300
    assert failed.strip() == "{}"
