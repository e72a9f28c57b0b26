"""Reports about notebooks and labs, for `agilab report`: what `agilab.evidence.report` lists by name."""
