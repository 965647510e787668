"""`python -m bds_async` is the same as `bds-async`."""

from .cli import main

if __name__ == "__main__":
    main()
