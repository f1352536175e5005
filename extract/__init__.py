"""Reading and tagging: citations in, mentions out. Usable in one process without Dask or torch."""
