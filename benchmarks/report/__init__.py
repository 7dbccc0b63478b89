"""The report: one HTML page with inline figures, for a person to read, print and keep."""
