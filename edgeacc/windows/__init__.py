"""Windows: paired, prepared, labelled; cut from recordings or the cohort, split by participant, stored as Parquet."""
