"""Code assistance: a question about a stage becomes safe actions or code, shown, checked and accepted before it counts.

Responsible for: what is known of data without its rows, prompts, providers, answers, the meaning of safe actions and
how they are written as Polars or pandas, and keeping what was said. Not responsible for: running anything.
"""
