# Frontend and Backend work in parallel
FEATURE=$(./tm add "User profile feature")
./tm add "API endpoints" --depends-on $FEATURE --assignee backend_specialist
./tm add "UI components" --depends-on $FEATURE --assignee frontend_specialist
./tm add "Database views" --depends-on $FEATURE --assignee db_specialist
