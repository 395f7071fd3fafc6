"""The audit trail as administrators read it."""
