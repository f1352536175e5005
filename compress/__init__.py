"""The compression stage: fine-tune, prune, export and quantise. The only importer of torch."""
