"""Turn one large request into a graph of tasks, run an agent on each, merge what they found."""

__version__ = "0.1.0"
