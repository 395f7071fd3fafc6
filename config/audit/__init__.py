"""The audit trail: who did what, on whom, when and through which door."""
