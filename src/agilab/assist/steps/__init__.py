"""Safe actions: checked against the columns there are, step by step, and written as code that a person would write."""
