"""From cells to stages: how they are called, which files each takes and leaves, what is kept and not run."""
