# Basic research task
claude-flow task create research "Analyze machine learning trends in 2024"

# Advanced research with parameters
claude-flow task create research \
  "Research quantum computing applications in cryptography" \
  --priority high \
  --deadline "2024-02-15T17:00:00Z" \
  --metadata '{"depth":"comprehensive","sources":"academic,industry"}' \
  --tags "quantum,cryptography,security"

# Data analysis task
claude-flow task create analysis \
  "Analyze user behavior patterns from Q4 data" \
  --input-file "./data/user_analytics.json" \
  --output-dir "./reports/" \
  --assign-to analyst_agent_123
# Implementation task
claude-flow task create implementation \
  "Implement user authentication system with OAuth2" \
  --dependencies "research_auth_standards,design_auth_flow" \
  --timeout 1800000 \
  --tags "backend,auth,security"
# Coordination task
claude-flow task create coordination \
  "Coordinate Q1 planning across all teams" \
  --assign-to coordinator_agent_456 \
  --parallel \
  --subtasks "gather_requirements,create_timeline,assign_resources"
