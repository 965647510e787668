"""Pool, running tasks, threads, durable files, clock, text."""
