"""One file per command, and the table they are found in."""
