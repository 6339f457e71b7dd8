"""The parts of tests/sandbox."""
