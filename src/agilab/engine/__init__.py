"""The one engine: graphs of tasks, dynamic expansion, executors. Knows nothing of apps, notebooks or pages.

Read in this order: `graph` (what is to run), `core` (the pure state machine), `coordinator` (the loop around
it), `executor` (the seam behind which units run).
"""
