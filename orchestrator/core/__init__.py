"""The cellar: rules without disk, process, clock, dice or event loop."""
