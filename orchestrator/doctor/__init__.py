"""What has to be true of a plan directory, how that is checked, and what is repaired."""
