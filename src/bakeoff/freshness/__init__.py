"""What makes a result stale, and what on disk can no longer be believed."""
