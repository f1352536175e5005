"""Dask clusters, opened and closed: knows nothing of citations or models."""
