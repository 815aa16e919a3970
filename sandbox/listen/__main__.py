"""Does this file or link play? ``python -m sandbox.listen FILE|URL … [--do ACTIONS] [--seconds N] [--json]``."""

from __future__ import annotations

import sys

INTERRUPTED = 130

if __name__ == "__main__":
    try:
        from sandbox.listen.program import main  # it takes half a second, in which Ctrl-C ends it without a trace, too

        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
