"""Code beside the notebook: what it imports and from whom, its own modules, what `%run` runs."""
