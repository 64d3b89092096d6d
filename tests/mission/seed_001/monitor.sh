#!/bin/bash
# monitor.sh - Orchestrator's monitoring dashboard

while true; do
    clear
    echo "=== Task Orchestrator Dashboard ==="
    echo "Time: $(date)"
    echo ""
    
    echo "📊 Overview:"
    echo "  Total tasks: $(./tm list | wc -l)"
    echo "  Pending: $(./tm list --status pending | wc -l)"
    echo "  In Progress: $(./tm list --status in_progress | wc -l)"
    echo "  Blocked: $(./tm list --status blocked | wc -l)"
    echo "  Completed: $(./tm list --status completed | wc -l)"
    echo ""
    
    echo "👥 Specialist Workload:"
    for specialist in db_specialist backend_specialist frontend_specialist qa_specialist; do
        count=$(./tm list --assignee $specialist --status in_progress | wc -l)
        echo "  $specialist: $count active tasks"
    done
    echo ""
    
    echo "🚨 Blocked Tasks:"
    ./tm list --status blocked --format simple | head -5
    echo ""
    
    echo "📝 Recent Updates:"
    ./tm list --status in_progress --format simple | head -5
    echo ""
    
    echo "Refreshing in 30 seconds... (Ctrl+C to exit)"
    sleep 30
done
