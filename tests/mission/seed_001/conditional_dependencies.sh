# Create fallback tasks
PRIMARY=$(./tm add "Try approach A" --assignee specialist_1)
FALLBACK=$(./tm add "Fallback to approach B" --assignee specialist_2)
./tm update $FALLBACK --status blocked  # Manually manage based on PRIMARY outcome
