"""The same calls on the same tables, as the tutorials of DRF and simplejwt have them."""
