"""Faults: what happens to an output when anything is killed, broken or full at any moment."""
