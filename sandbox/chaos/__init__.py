"""``make chaos``: real processes, real faults, and listeners who judge by what they hear."""
