"""Export: one room per target; each converts, and runs the result in its real runtime or reference evaluator."""
