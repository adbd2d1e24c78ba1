"""JSON written fast: what is stored and what is answered goes through here, thousands of times a second."""

import json
from datetime import datetime
from uuid import UUID

import orjson


def dumps(value) -> str:
    """Return a value as compact JSON, times and UUIDs in their usual forms. Raises TypeError for what JSON has not.

    orjson takes a tenth of the time that `json` does.
    """
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        # An integer of more than 64 bits, which JSON allows and orjson does not.
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_as_text)


def _as_text(value) -> str:
    if isinstance(value, datetime | UUID):
        return str(value)
    raise TypeError(f"{value!r} cannot be written as JSON")
