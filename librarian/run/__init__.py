"""The conductor: plan → outcomes → commits. One thread; workers do the work."""
