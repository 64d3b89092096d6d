"""What starts when: a state machine of its own, without disk, clock or process."""
