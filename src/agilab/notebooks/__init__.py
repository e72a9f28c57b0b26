"""Notebooks, read without executing anything: what they hold, need, read and write, and what is risky about them."""
