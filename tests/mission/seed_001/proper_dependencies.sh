# Set dependencies to prevent work on incomplete foundations
API=$(./tm add "Create API endpoints")
./tm add "Write API tests" --depends-on $API  # Can't test non-existent API
