# Check specialist availability before assignment
for specialist in $(./tm list --group-by assignee | grep specialist); do
    workload=$(./tm list --assignee $specialist --status in_progress | wc -l)
    if [ $workload -lt 3 ]; then
        ./tm add "New task" --assignee $specialist
        break
    fi
done
