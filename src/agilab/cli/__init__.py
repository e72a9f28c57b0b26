"""The command line: parses, calls one library function, renders. No module here holds logic."""
