"""Notebooks, read without executing anything: what they hold, need, read and write, and what is risky about them.

    book = reading.read("study.ipynb")                 # any file that people call a notebook
    seen = inspecting.inspect_notebook(book)           # everything that can be said of it
    staged = stages.together.stage_together([seen])    # a lab, and a report of how it came about
    supervisor.export.notebook_of(staged.lab)          # a lab as a notebook; `read_back` is the way back

| room, lowest first | knows |
| --- | --- |
| `findings`, `rules`, `secrets` | what somebody should be told, and what must never be repeated |
| `document/` | a notebook as it lies on the disk: cells, outputs, metadata, of every version of the format |
| `code/` | what a line of Python says: trees and scopes, names, values, the paths that texts come to |
| `flow/` | what each cell reads, binds and changes, and where the flow is thin; knows of nothing else here |
| `python/` | a cell as plain Python: what magics and shell lines mean, parameters, the marks of a merge |
| `modules/` | code beside the notebook: imports and who provides them, own modules, what `%run` runs |
| `shell/` | commands: which files their words name, and what becomes of these |
| `files/` | what cells, own modules and commands do to files, one act after another |
| `supervisor/` | a lab as a notebook that people read, and back |
| `stages/` | cells parted into stages: their names, the files each takes and leaves, what is kept and not run |
"""
