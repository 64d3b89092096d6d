# Sub-agent reports blocker
# backend_specialist: ./tm discover task_005 "BLOCKED: Need database schema finalized"

# Orchestrator sees and responds
./tm context task_005  # Review the blocker
./tm share task_005 "Escalating to db_specialist for immediate resolution"
./tm update task_001 --priority critical  # Increase priority of blocking task
