"""The stores of `timmybot run`: one SQLite file, one process, no AWS."""

from timmybot.adapters.sqlite.database import DatabaseRefused
from timmybot.adapters.sqlite.stores import Stores, connect

__all__ = ["DatabaseRefused", "Stores", "connect"]
