"""What to run for a task, and how to read the answer. No processes, no disk."""
