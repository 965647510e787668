"""The databases of a mirror: DuckDB and PostgreSQL behind one small interface."""

from .duckdb import DuckDBEngine, demand_database, demand_duckdb
from .engine import Engine, Row
from .postgresql import PostgreSQLEngine, demand_asyncpg
from .target import Target

__all__ = [
    "DuckDBEngine",
    "Engine",
    "PostgreSQLEngine",
    "Row",
    "Target",
    "demand_asyncpg",
    "demand_database",
    "demand_duckdb",
]
