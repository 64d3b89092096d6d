"""What has to be true of a plan directory, how that is looked into, and what is mended."""
