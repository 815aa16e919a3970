"""What the core needs from the outside, one Protocol a file. Adapters promise it, services rely on it."""
