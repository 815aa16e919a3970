"""What a guild's queue is and how it changes. Pure and synchronous: no clock, no I/O, no vendor."""
