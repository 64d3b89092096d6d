"""What several commands and the runner do with a plan directory."""
