"""Roster's cost of a password: with Django's own a log-in would write a dearer digest."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class CheaperHasher(Argon2PasswordHasher):
    memory_cost = 19 * 1024  # KiB
    time_cost = 2
    parallelism = 1
