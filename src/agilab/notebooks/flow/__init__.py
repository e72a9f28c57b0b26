"""The data flow of a notebook: what each cell needs, makes and changes, and which cells belong together."""
