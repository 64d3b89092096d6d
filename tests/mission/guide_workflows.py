"""The workflows of seed 003: its JSON as it stands there, its TypeScript as the JSON that it is."""

from __future__ import annotations

CONTENT = """\
{
  "workflow": {
    "name": "Content Creation Pipeline",
    "description": "End-to-end content creation and publication",
    "version": "1.0",

    "tasks": [
      {
        "id": "research_phase",
        "type": "research",
        "description": "Research topic and gather information",
        "timeout": 1800000,
        "assignmentCriteria": {
          "capabilities": ["research", "web_search"]
        }
      },
      {
        "id": "content_creation",
        "type": "implementation",
        "description": "Create content based on research",
        "dependencies": ["research_phase"],
        "timeout": 3600000,
        "assignmentCriteria": {
          "capabilities": ["content_creation", "writing"]
        }
      },
      {
        "id": "review_editing",
        "type": "review",
        "description": "Review and edit content",
        "dependencies": ["content_creation"],
        "timeout": 1800000,
        "assignmentCriteria": {
          "capabilities": ["editing", "quality_assurance"]
        }
      },
      {
        "id": "publication",
        "type": "coordination",
        "description": "Publish content to platforms",
        "dependencies": ["review_editing"],
        "timeout": 600000,
        "assignmentCriteria": {
          "capabilities": ["publishing", "platform_management"]
        }
      }
    ],

    "completion": {
      "criteria": "all_tasks_completed",
      "notifications": ["content_team", "marketing_team"],
      "deliverables": ["published_content", "analytics_setup"]
    }
  }
}
"""

LAUNCH = """\
{
  "workflow": {
    "name": "Product Launch Workflow",
    "description": "Multi-stream product launch preparation",

    "phases": [
      {
        "name": "preparation",
        "parallel": false,
        "tasks": [
          {
            "id": "market_analysis",
            "type": "research",
            "description": "Analyze target market"
          }
        ]
      },
      {
        "name": "development",
        "parallel": true,
        "dependencies": ["preparation"],
        "streams": [
          {
            "name": "product_development",
            "tasks": [
              {
                "id": "feature_spec",
                "type": "design",
                "description": "Define product features"
              },
              {
                "id": "implementation",
                "type": "implementation",
                "description": "Implement product features",
                "dependencies": ["feature_spec"]
              }
            ]
          },
          {
            "name": "marketing_preparation",
            "tasks": [
              {
                "id": "marketing_strategy",
                "type": "planning",
                "description": "Develop marketing strategy"
              },
              {
                "id": "content_creation",
                "type": "implementation",
                "description": "Create marketing content",
                "dependencies": ["marketing_strategy"]
              }
            ]
          }
        ]
      },
      {
        "name": "launch",
        "parallel": false,
        "dependencies": ["development"],
        "tasks": [
          {
            "id": "final_testing",
            "type": "testing",
            "description": "Final product testing"
          },
          {
            "id": "launch_execution",
            "type": "coordination",
            "description": "Execute product launch",
            "dependencies": ["final_testing"]
          }
        ]
      }
    ]
  }
}
"""

SEQUENTIAL = """\
{
  "name": "Product Development Workflow",
  "tasks": [
    {
      "id": "market_research",
      "type": "research",
      "description": "Research market opportunity"
    },
    {
      "id": "competitive_analysis",
      "type": "analysis",
      "description": "Analyze competitive landscape",
      "dependencies": [
        "market_research"
      ]
    },
    {
      "id": "product_design",
      "type": "design",
      "description": "Design product specifications",
      "dependencies": [
        "market_research",
        "competitive_analysis"
      ]
    },
    {
      "id": "implementation",
      "type": "implementation",
      "description": "Implement product features",
      "dependencies": [
        "product_design"
      ]
    }
  ]
}
"""

PARALLEL = """\
{
  "name": "Parallel Processing Workflow",
  "tasks": [
    {
      "id": "data_collection",
      "type": "research",
      "description": "Collect data from multiple sources"
    },
    {
      "id": "frontend_analysis",
      "type": "analysis",
      "description": "Analyze frontend performance",
      "dependencies": [
        "data_collection"
      ],
      "parallel": true
    },
    {
      "id": "backend_analysis",
      "type": "analysis",
      "description": "Analyze backend performance",
      "dependencies": [
        "data_collection"
      ],
      "parallel": true
    },
    {
      "id": "report_generation",
      "type": "coordination",
      "description": "Generate comprehensive report",
      "dependencies": [
        "frontend_analysis",
        "backend_analysis"
      ]
    }
  ]
}
"""

CONDITIONAL = """\
{
  "name": "Adaptive Research Workflow",
  "tasks": [
    {
      "id": "initial_research",
      "type": "research",
      "description": "Initial market research"
    },
    {
      "id": "deep_analysis",
      "type": "analysis",
      "description": "Deep market analysis",
      "conditions": [
        {
          "dependency": "initial_research",
          "condition": "result.marketSize > 1000000",
          "action": "execute"
        },
        {
          "dependency": "initial_research",
          "condition": "result.marketSize <= 1000000",
          "action": "skip"
        }
      ]
    },
    {
      "id": "feasibility_study",
      "type": "analysis",
      "description": "Technical feasibility study",
      "conditions": [
        {
          "dependency": "initial_research",
          "condition": "result.technicalComplexity === \\"high\\"",
          "action": "execute"
        }
      ]
    }
  ]
}
"""
