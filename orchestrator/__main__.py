"""``python -m orchestrator`` is the console script ``orchestrator``."""

from orchestrator.cli.main import main

if __name__ == "__main__":
    main()
