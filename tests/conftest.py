"""What holds for all tests."""

from __future__ import annotations

import os

# Before numpy is loaded: its threads take turns with the tests beside them and with FFmpeg's, so that on two busy cores
# a product of two small matrices, which takes a millisecond, took thirty.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
