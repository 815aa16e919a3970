"""The processes: the only place where adapters and services are joined."""
