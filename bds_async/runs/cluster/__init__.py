"""Fetching on the workers of a Dask scheduler. Nothing of dask is imported before a cluster is asked for."""

from .connection import Cluster, cluster_at
from .fetch import ClusterFetch, Here

__all__ = ["Cluster", "ClusterFetch", "Here", "cluster_at"]
