"""Recordings: one reader per device or table, all into one `Recording`."""
