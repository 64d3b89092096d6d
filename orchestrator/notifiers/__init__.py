"""Ways to reach people who do not look: delivery, and nothing else."""
