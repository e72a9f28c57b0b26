"""The little language of safe actions: conditions and derived columns, as one tree for both engines."""
