"""Fine-tuning a token classifier: data it learns from, steps, record, trials and teachers."""
