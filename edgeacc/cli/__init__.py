"""The command line: one small file per verb; nothing heavy is imported before a verb runs."""
