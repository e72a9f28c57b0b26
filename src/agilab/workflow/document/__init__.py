"""The document of a lab: found, read, resolved, edited, compared and drawn. Nothing here runs anything.

locate          which lab is meant, and what its document says, in whichever version; lab_folder lists its files
resolve         who makes each input: the edges, for everybody; `order` sorts stages by them
named           stages that a person names, among those that run
params          texts of `--set` as values of the params' kinds
edit, create    stages come, go, move, get other names; a new lab
diff, versions  two versions stage by stage; the other one is found
view, svg       the stages as a drawing; `layout` places them, `lettering` measures their words
migrate         from version 1 and back, with what was done
known           where labs lie
"""
