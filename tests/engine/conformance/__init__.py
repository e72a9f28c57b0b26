"""What every executor must do alike: shapes of graphs times what may happen to one of their units.

`graphs` has the shapes, `source/lab.py` their functions, `oracle` says what must become of a run, `executors` is the
list to which a new executor is added, `life` is a process of its own that owns a run and may be killed.
"""
