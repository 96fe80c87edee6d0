"""What ``stimg`` does: each command as a generator that yields progress and returns what to print."""
