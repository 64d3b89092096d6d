# Create tasks based on discovered requirements
./tm discover $PROJECT "Found 5 API endpoints needed"
for endpoint in users posts comments likes shares; do
    ./tm add "Create $endpoint endpoint" --assignee backend_specialist
done
