"""What computes each report of `agilab.evidence.report`."""
