# Basic task
claude-flow task create research "Research AI safety measures"

# Task with specific agent assignment
claude-flow task create analysis "Analyze Q4 sales data" \
  --assign-to agent_analytics_123

# Task with deadline and priority
claude-flow task create implementation "Fix authentication bug" \
  --priority urgent \
  --deadline "2024-01-20T09:00:00Z"

# Complex task with full configuration
claude-flow task create research \
  "Comprehensive analysis of cloud security frameworks" \
  --priority high \
  --timeout 3600000 \
  --retry-count 2 \
  --dependencies "task_123,task_456" \
  --assign-to researcher_agent_789 \
  --namespace "security-project" \
  --tags "cloud,security,frameworks,analysis" \
  --metadata '{
    "budget": 5000,
    "stakeholders": ["security-team", "cloud-team"],
    "deliverables": ["report", "recommendations", "implementation-plan"],
    "confidentiality": "internal"
  }' \
  --input-file "./requirements/security-scope.json" \
  --output-dir "./deliverables/security-analysis/"

