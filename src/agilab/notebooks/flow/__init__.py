"""The data flow of a notebook, and from it stages. Text in, plain objects out: nothing is executed or imported.

    flows = analyse_cells(["x = load()", "x.append(1)", "print(x)"])    # what each cell reads, binds and changes
    links = Links(flows)                                                # who makes what, and what cannot be parted
    stages = plan(links, per="flow").stages                             # inputs, outputs and uses of each stage

| module | knows |
| --- | --- |
| `values` | what is known of a value: what it shares with others, whether it can leave its process |
| `expressions`, `library_calls`, `statements` | Python's rules, over such values |
| `functions`, `makers` | what a function of the notebook does when it is called, summed up once |
| `ways`, `names`, `definitions`, `calls`, `notebook` | the notebook's own names, path by path, cell by cell |
| `states`, `knowledge` | what libraries do |
| `module_states`, `own_module` | what the notebook's own modules keep from one call to the next |
| `module_text`, `module_calls` | what the text of a module says of it, and by which calls it is asked what it does |
| `setters`, `settings`, `loops`, `loggers` | what sets something of the process, and whether it can be repeated |
| `memories`, `module_functions` | which of that a fresh module finds again |
| `made_objects`, `other_names` | whose objects functions of a module give; what of a module is called by another name |
| `patches` | what `mock.patch` puts in the place of something |
| `reading`, `written`, `spoken` | methods that only read; what a call writes into; names in texts that libraries read |
| `sources`, `links` | who makes what a cell reads; which cells cannot be parted, and why |
| `first_reads`, `decorators`, `missing` | names that are read before anything makes them, and whether that matters |
| `groups`, `plan`, `order`, `findings` | where the borders are; what crosses; other orders of execution; what to tell |

The promise, which `tests/notebooks/flow/test_apart.py` proves on random programs: stages executed apart, each with
nothing but what it declares, leave what the notebook leaves, unless something is reported as undecided; and then
everything it may concern is in one stage. Where a library hides what it does (a function that keeps or changes its
arguments and is not known for it), `knowledge` is the place to say so.

What is not known is decided by what people mean: a call that stands alone is made for what it does, to its owner and to
its arguments; one whose result is taken leaves its arguments alone and may change its owner, unless its name says that
it reads.

A change violates this when it makes a value, or a name, look more apart than it is.
"""
