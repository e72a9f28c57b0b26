"""What AGILab costs, measured beside what one would use without it: `python -m benchmarks`. See README.md."""
