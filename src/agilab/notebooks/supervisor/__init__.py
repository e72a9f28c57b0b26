"""A lab as a notebook that people want to read, and back: one markdown and one code cell for each stage.

The code is the code. The first line of a cell, `%%stage clean: table -> table, out/clean.csv`, says what the stage
takes and gives, and is what counts; metadata holds what a reader need not see.
"""
