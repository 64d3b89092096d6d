"""The ways to deliver a notification, and nothing else."""
