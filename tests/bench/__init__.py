"""What the service takes, measured: beside stock DRF, and with very many users."""
