"""What the pages of the operators' site are built of."""
