"""The traps that engines of this kind fall into, each as a test. README.md says which test proves which."""
