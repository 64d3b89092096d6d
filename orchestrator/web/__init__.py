"""The dashboard: what the command line does, for a browser on the same machine (decision 0017)."""
