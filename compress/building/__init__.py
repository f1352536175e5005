"""From a checkpoint to a bundle that runs: variant by name, card, gate of promotion."""
