"""Runs that are started by the clock of the system."""
