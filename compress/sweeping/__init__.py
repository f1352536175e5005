"""Methods, shares and seeds side by side: a plan, a ledger that goes on, a table."""
