"""How dates are written on the operators' site, by language."""
