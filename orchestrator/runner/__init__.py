"""Where time passes: events go to the engine, its instructions become effects, effects become events."""
