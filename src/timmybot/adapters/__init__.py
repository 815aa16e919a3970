"""One outside thing a folder. Adapters know the ports, and nothing of each other."""
