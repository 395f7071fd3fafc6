"""Counting failures: before a secret is weighed, and so that nobody is locked out by others."""
