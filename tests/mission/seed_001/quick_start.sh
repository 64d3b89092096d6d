# 1. Set your identity
export TM_AGENT_ID="orchestrator"

# 2. Create project structure
MAIN=$(./tm add "Build authentication system" -p high)
DB=$(./tm add "Design database" --depends-on $MAIN --assignee db_specialist)
API=$(./tm add "Create API" --depends-on $DB --assignee backend_specialist)
UI=$(./tm add "Build UI" --depends-on $API --assignee frontend_specialist)

# 3. Share project context
./tm share $MAIN "Requirements: JWT auth, PostgreSQL, React"
./tm share $MAIN "Timeline: 2 weeks, Priority: Critical"

# 4. Monitor progress
./tm list --status in_progress
./tm watch  # Real-time updates
