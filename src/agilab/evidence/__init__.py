"""What a run leaves for a stranger: reduce artefacts, the manifest, and the means to verify both.

Everything here is computed from the log and the objects, so that whoever owns a run at its end (its
coordinator, a resume, the reaper) writes the same evidence.
"""
