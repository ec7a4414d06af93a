"""How an engine's outputs are compared with the reference, and what is then said of them.

`metrics` has the figures. `judge` passes or fails an engine by the limits of `tolerance`, in the job that checks
accuracy, and its verdict is stored in accuracy.json. `doubts` has what marks an engine that passed as doubtful. It
looks at stored figures when results are collected, so no job depends on its numbers, and a changed one needs no new
check.
"""
