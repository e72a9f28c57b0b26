"""What a notebook, its own modules and its commands do to files, one act after another."""
