"""A pipeline of stages: its document, edited, judged, drawn and run.

    locate       which lab is meant, and what its document says, in whichever version
    legacy…      files of version 1: read without loss (legacy), written as they were (legacy_export)
    migrate      from one version to the other, with what was done and every comment (comments)
    edit         stages come, go, move, get other names; create makes a new lab
    resolve      who makes each input: the edges, for everybody
    validate     judged without being run: checks/ look, rules/ explain, names knows the code's names
    diff         two versions stage by stage; versions finds the other one
    view, svg    the stages as a drawing

Findings of `validate` are AGI-STAGE-001 to -029, -031, -032, -034, -035 and -060 to -099 (`rules`). Errors:

| code | what it means |
| --- | --- |
| AGI-LAB-101, -102 | there is no such lab; a file too large to be one |
| AGI-LAB-103, -111 | a file of version 1 is not edited; a file is of that version already |
| AGI-LAB-104 | no finding of this code |
| AGI-LAB-105 | a lab is there already |
| AGI-LAB-106 | no module of this name in a v1 file |
| AGI-LAB-107 | somebody else has written the file meanwhile |
| AGI-LAB-108 to -110 | an id that is taken, a stage that is not there, a value that cannot stand in a stage |
| AGI-LAB-112, -113 | no such version; a picture that somebody else drew |
"""
