"""Roster on more than one machine: real servers, which these tests start and end themselves."""
