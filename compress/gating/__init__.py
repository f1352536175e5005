"""Learning which citations and sentences need not be tagged, and measuring what that loses."""
