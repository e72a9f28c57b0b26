"""A pipeline of stages: its document, edited, judged, drawn and run.

    document/    the file: found, read, resolved, edited, compared, drawn
    legacy/      files of version 1
    judging/     `validate`: judged without being run
    running/     a lab made ready, run, resumed, run again, planned, tried
    notebooks/   labs from notebooks and to them
    reports/     what `agilab report notebook-…` establishes

    ahead        whether a stage that is about to run cannot work, as far as reading tells
    compared     two versions with the code that lies in files
    outcomes     what became of the stages in a run, and which are others since
    codes        what the codes below mean

A room imports only from those above it in this list; `judging` and `running` know nothing of each other.

Findings of `validate` stand in `judging/rules` (`agilab workflow validate --explain all`). `codes` reads this table of
errors:

| code | what it means |
| --- | --- |
| AGI-LAB-101, -102 | there is no such lab; a file too large to be one |
| AGI-LAB-103, -111 | a file of version 1 is not edited; a file is of that version already, or empty |
| AGI-LAB-104 | no finding of this code |
| AGI-LAB-105 | a lab is there already |
| AGI-LAB-106 | no module of this name in a v1 file |
| AGI-LAB-107 | somebody else has written the file meanwhile |
| AGI-LAB-108 to -110 | an id that is taken; a stage that is not there; a value that cannot stand in a stage |
| AGI-LAB-114 | a name that several labs have |
| AGI-LAB-112, -113 | no such version; a picture that somebody else drew |
| AGI-STAGE-030 | the lab lacks inputs or has a ring of stages |
| AGI-STAGE-033, -043 | no param of that name; `--set` without a value |
| AGI-STAGE-036 to -038 | the lab is not where it was; a run of something else; no run that has ended |
| AGI-STAGE-039 to -042 | a trial without inputs; of an unknown stage; of an unknown key; of some rows of an app |
| AGI-STAGE-044 | the first line of a notebook's cell is no header |
| AGI-STAGE-045 to -048 | nothing to import; an environment that cannot be locked; no Jupyter; a lab in the way |
| AGI-STAGE-049 to -052 | no single kernel; no jupytext; no notebook of a lab; a file in the way |
| AGI-STAGE-055 | environments cannot be resolved without a network |
| AGI-STAGE-053 | an error of `validate` about a stage that would run |
| AGI-STAGE-058 | a value of `--set` that is not of the param's kind |
| AGI-STAGE-064, -065 | a notebook that its text would not give back; a lab in which no stage runs |
| AGI-STAGE-067, -068 | a notebook and its lab edited in the same places; a notebook's file that is imported |
| AGI-STAGE-069 | another value of a param that no stage takes |
| AGI-STAGE-066 | a stage that is to run alone, and takes what the last run has not |
| AGI-STAGE-054, -056 | a value that an app cannot be given; a trial whose app did not come to its end |
| AGI-STAGE-101 | an output that a stage, or the app that it calls, did not leave |
| AGI-STAGE-102, -103 | an input file that is gone or not what was planned; an item that is no part of a path |
| AGI-STAGE-114, -115 | a value that cannot leave its process; a value that another environment cannot read |
| AGI-STAGE-116, -117 | an input that a stage changed and does not give; an object whose class stays in another stage |
"""
