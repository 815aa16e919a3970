"""Whether every answer reaches its member: ``python -m sandbox.answers`` gives thousands of commands and counts.

Over both transports at once, the gateway and the endpoint, at several distances from Discord, and on a line that loses
requests and answers. Discord is the fake one; everything else is real and in this process.
"""
