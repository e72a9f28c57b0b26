"""`lab_stages.toml` of version 1: read without loss, and written as it was.

reading, writing  one direction each; `from_v1(to_v1(lab))` is the lab
values            what TOML's dates and a table's kinds become in plain data
comments          the comments of a file, kept through a migration
"""
