"""`lab_stages.toml` of version 1: read without loss, and written as it was.

words             the keys of version 1, and what becomes of them
reading, writing  one direction each; `stages` reads one stage, `spelling` is one in the one spelling that we write
notes             what is said of a file that was read, line by line
respelt           what of the text itself does not come back
values            what TOML has and JSON has not
comments          the comments of a file, kept through a migration
"""
