"""A notebook as it lies on the disk: its cells, their outputs and marks, whatever version or tool wrote it."""
