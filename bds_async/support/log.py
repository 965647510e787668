"""The machine-readable part of a log line: the name of the event and its fields."""

from __future__ import annotations


def event(name: str, /, **fields: object) -> dict[str, object]:
    """Return the `extra` of a log call: `logger.info("…", extra=event("run.planned", extracts=3))`.

    `name` is stable, of lower-case words with dots: programs match it. `--log-format json` writes both; text logs
    write the message alone.
    """
    return {"event": name, "fields": fields}
