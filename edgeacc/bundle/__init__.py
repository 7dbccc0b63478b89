"""Bundle: the artifact with its recipe, signal contract, golden vectors, calibration record, card and hashes.

Read `bundle` (what is in the folder and how it is read), then `sums`, `golden`, `probe`.
"""
