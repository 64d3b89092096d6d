# Good: Specific and measurable
./tm add "Create REST endpoints for user CRUD operations" --assignee backend_specialist

# Bad: Vague
./tm add "Do backend stuff" --assignee backend_specialist
