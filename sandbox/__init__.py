"""Discord and AWS on this machine, for ``make demo`` and the integration tests. Never shipped in the image."""
