"""What may be asked of the orchestrator: one function, one use case. The command line and any other door call these."""
