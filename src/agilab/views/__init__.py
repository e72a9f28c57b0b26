"""Looking at runs: every view is a projection of the log, made when somebody asks. Nothing here writes.

Read `outline` (a plan with its states) and `history` (runs in one line) first. Programs read `records` (made one by one
in `record`) and `changes`, `feed` follows a run live, `unit_log` is what a unit printed, the `*_story` modules explain,
and `timeline`, `drawing`, `chart` and `dot` draw.
"""
