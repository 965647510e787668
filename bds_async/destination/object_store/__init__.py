"""Object stores as destinations: Amazon S3, Google Cloud Storage, Azure Blob Storage (extra `object-store`)."""

from .probe import Probe
from .store import ObjectStore

__all__ = ["ObjectStore", "Probe"]
