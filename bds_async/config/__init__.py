"""Settings out of config.json, the environment and secret files."""
