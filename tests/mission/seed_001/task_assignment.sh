# View available specialists
./tm list --group-by assignee

# Assign based on expertise
./tm add "OAuth implementation" --assignee security_specialist --tag auth
./tm add "Database optimization" --assignee db_specialist --tag performance
./tm add "UI responsiveness" --assignee frontend_specialist --tag mobile

# Reassign if needed
./tm update task_123 --assignee senior_backend_specialist
