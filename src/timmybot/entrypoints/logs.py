"""Where log lines go: to stderr, so that stdout has the metrics to itself."""

from __future__ import annotations

import logging
import sys


def set_up_logging(level: int = logging.INFO) -> None:
    logging.basicConfig(
        level=level, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True
    )
    # These two log whole requests and URLs at lower levels; what matters of them is in our own errors.
    for noisy in ("botocore", "urllib3", "websockets"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
