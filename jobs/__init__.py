"""The batch job: plan, shards, commits, runs and reports."""
