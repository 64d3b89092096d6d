# Create checkpoints for team synchronization
./tm sync $PROJECT "SYNC: All teams check in at 2 PM"
./tm sync $PROJECT "MILESTONE: Phase 1 complete, beginning integration"
