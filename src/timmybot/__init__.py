"""TimmyBot: a self-hosted Discord music bot in which every guild is isolated from every other."""
