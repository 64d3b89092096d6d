"""What the orchestrator costs, as ratios to the least it could cost on the same machine (docs/benchmarks.md)."""
