"""The workspace on disk: the event log with its projections, artifacts by digest, source snapshots.

Nothing here schedules, and nothing here knows what an app is. The log is the truth; every table
beside it can be folded from it again.
"""
