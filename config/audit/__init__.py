"""The audit trail: who did what, on whom, when, from where and through which door."""
