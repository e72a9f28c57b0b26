"""A lab judged without being run: `agilab workflow validate`.

validate   all checks over one file
checks/    what is looked at, part by part; `names` knows what the code defines and uses
rules/     what each finding means, with a lab that provokes it and one that is mended
"""
