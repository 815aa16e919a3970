"""Media children that several tests share: one takes a third of a second to begin."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from timmybot.adapters.sources.media_pool import MediaPool


class SharedMedia(MediaPool):
    """Stays when a source that works with it is closed."""

    def close(self) -> None:
        pass

    def end(self) -> None:
        super().close()


@contextmanager
def shared_media() -> Iterator[MediaPool]:
    one = SharedMedia()
    try:
        yield one
    finally:
        one.end()
