"""The markdown of a plan: read into the model, and edited in place. No disk."""
