"""The stored refresh token: its file, its lock, and the record of an exchange under way."""

from .custody import Custody
from .provided import Provided
from .store import TokenStore, store_for

__all__ = ["Custody", "Provided", "TokenStore", "store_for"]
