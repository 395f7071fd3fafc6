"""What breaks, on purpose: `make faults` breaks it under load and counts what was lost."""
