"""The life of an app: find it, install it, plan it, run it."""
