"""What the operators' site has about users."""
