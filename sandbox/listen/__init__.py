"""``python -m sandbox.listen``: does this file or link play? A member of the sandbox's Discord listens, and tells.

The interface (arguments, exit codes, JSON) is stable, and described in docs/listen.md.
"""
