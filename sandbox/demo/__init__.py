"""``make demo``: the whole system on this machine, told as a story whose every sentence is checked."""
