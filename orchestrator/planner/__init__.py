"""From a request, a task list or a template to a plan."""
