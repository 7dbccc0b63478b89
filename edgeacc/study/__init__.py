"""A study: which networks are trained on which windows, what each cell of that grid found, and the tables of it."""
