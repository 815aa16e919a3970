"""Voice clients that are not ours, run as they are: proof that the fake Discord is faithful, and peers to measure."""
