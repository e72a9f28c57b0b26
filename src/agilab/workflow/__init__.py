"""A pipeline of stages: its document, edited, judged, drawn and run."""
