"""Labs from notebooks and to them.

importing     notebooks as a lab on disk; verification runs both and compares
exporting     a lab as a notebook
union         could its stages share one kernel?
session       the lab inside a notebook: `agilab.Lab` and `%%stage`
"""
