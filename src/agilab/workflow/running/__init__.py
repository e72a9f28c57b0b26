"""A lab run by the engine.

prepare       environments, source, code and files made ready; `code` digests what a stage says
graph, tasks  a lab as a graph, and what each unit is given; app_stages for a stage that calls an app
execution     a run from its document to its manifest; resuming after a crash, again for any run
plan, trial   what would run; one stage tried on the inputs of the last run
write_back    what a run writes into its document
"""
