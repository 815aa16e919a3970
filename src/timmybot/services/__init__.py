"""What TimmyBot does: async use cases on the domain and the ports, and on nothing else."""
