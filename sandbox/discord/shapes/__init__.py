"""Which fields Discord's payloads have, which are required, and what is in them: tables, and a look at both sides.

Everything that the fake Discord sends, and everything that it takes in from a bot, is held against them while it runs;
what does not fit fails the test in which it happened (:meth:`~sandbox.discord.FakeDiscord.close`). The tables are ours,
written from the pages that stand beside them.
"""
