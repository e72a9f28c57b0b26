"""The life of an app on disk: made, cloned, renamed, deleted, set, exported, brought in, packaged.

Nothing here executes an app. What is written appears whole or not at all.
"""
