# Database → Backend → Frontend → QA
SCHEMA=$(./tm add "Design schema" --assignee db_specialist)
API=$(./tm add "Build API" --depends-on $SCHEMA --assignee backend_specialist)
UI=$(./tm add "Create UI" --depends-on $API --assignee frontend_specialist)
TEST=$(./tm add "Test system" --depends-on $UI --assignee qa_specialist)
