"""Where and how an invocation runs."""
