"""The state folder and the names of files: places, lock, free space, safe names."""
