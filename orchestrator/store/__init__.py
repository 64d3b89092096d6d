"""Markdown on disk: every path once, one writer for each file, nothing ever truncated in place."""
