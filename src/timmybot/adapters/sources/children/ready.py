"""What a child says on its control socket once it can be given work."""

from typing import Final

READY: Final = b"R"
UNCONFINED: Final = b"U"
"""Ready, and the system confines it by nothing."""
