"""``python -m sandbox.soak``: hours of mixed formats, with media children that die, and what is left of it all."""
