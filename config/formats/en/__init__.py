"""English, whatever the country."""
