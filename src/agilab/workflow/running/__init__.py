"""A lab run by the engine.

prepare       environments, source, code and files made ready; `code` digests what a stage says
graph, tasks  a lab as a graph, and the task of each unit: `left` by others, `given` to it
app_stages    a stage that calls an app as the app's nodes; `called` gives these what they read, `gathered` what is left
execution     a run from its `beginning` to its manifest; resuming after a crash, again for any run
plan, trial   what would run; one stage tried on the inputs of the last run, or `trial_app` a whole app
write_back    what a run writes into its document
"""
