# Sub-agent joins task
export TM_AGENT_ID="db_specialist"
./tm join task_001

# Private reasoning (only this agent sees)
./tm note task_001 "Considering NoSQL vs SQL for this use case"
./tm note task_001 "Research: MongoDB might be better for nested data"

# Share progress (all agents see)
./tm share task_001 "Decided on PostgreSQL with JSONB columns"
./tm share task_001 "Schema draft complete, ready for review"

# Important discovery (alerts all agents)
./tm discover task_001 "CRITICAL: Need Redis for session management"
