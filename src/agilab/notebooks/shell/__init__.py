"""Commands that cells hand to a shell or to a program: which files their words name, and what becomes of these."""
