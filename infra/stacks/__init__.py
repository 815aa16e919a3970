"""Thin stacks: each joins constructs of ``infra.components`` and refers to the others by name."""
