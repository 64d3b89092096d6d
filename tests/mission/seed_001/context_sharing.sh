# Share critical project information upfront
./tm share $PROJECT "Design Decisions:"
./tm share $PROJECT "- Use JWT for auth (not sessions)"
./tm share $PROJECT "- PostgreSQL for main data, Redis for cache"
./tm share $PROJECT "- React with TypeScript for frontend"
