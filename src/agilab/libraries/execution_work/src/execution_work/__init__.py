"""One piece of work, whichever engine does it: jobs, arguments, results and checks of the execution apps.

A block is a server's day: jobs arrive, each of a group, with a weight and two features. Two things are computed. The
*score* is a formula of each job alone, summed by group: any engine does it a column at a time. The *queue* is a
recursion, in which a job's waiting time follows from that of the job before. Every number is whole or exact, so all
kernels, engines and numbers of workers give the same bytes; only the phases' times differ, which are metrics.
"""
