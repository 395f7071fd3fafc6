"""How fast Roster is, beside the same calls written as the tutorial of DRF has them."""
