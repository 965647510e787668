"""The tenant's routes and the object storage."""
