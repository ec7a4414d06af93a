"""How an engine's outputs are compared with the reference, and what is then said of them.

`metrics` has the figures. `judge` passes or fails an engine by limits, in the job that checks accuracy; its verdict is
stored in accuracy.json. `doubts` has what marks an engine that passed as doubtful; it looks at stored figures when
results are collected, so that the job depends on none of its numbers and a changed one needs no new check.
"""
