"""Tries to break the bot: the real services on virtual time, with faults drawn from a seed.

One seed is one life of a bot: guilds and members who command it, workers that come, stall and die, and stores, clocks
and connections that fail them. Nothing here waits for real time, so hours pass in seconds, and a seed that fails fails
again in exactly the same way.

    plan        what the seed chose: guilds, workers, commands, faults
    virtual_time, link      processes on virtual time; what they call, answered late, wrongly or never
    stores, gateway, voice  the outside world, and who is heard in it
    worker_process, members the services put together as the entrypoints do
    life        one plan from beginning to end, and what was seen of it
    situations, noted               which situations the seeds have reached
    judgement, hearing, places      what must hold of what was seen, of what was heard, and of where a song goes on
    case, sounding                  what those rules ask of a record
    linearise, explaining           whether one order of a guild's commands explains all answers,
    guild_model, choosing           by what a queue and what settings are to members
    shrink, safeguards      the shortest life that fails; every safeguard switched off in turn
"""
