"""From a cell as somebody wrote it to plain Python: magics, shell lines, parameters, the marks of a merge."""
