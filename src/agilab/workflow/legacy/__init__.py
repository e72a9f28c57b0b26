"""`lab_stages.toml` of version 1: read without loss, and written as it was.

words             the keys of version 1, and what becomes of them
reading, writing  one direction each; `spelling` is one stage in the one spelling that we write
values            what TOML has and JSON has not
comments          the comments of a file, kept through a migration
"""
