"""bench/silicon.json: rows measured on real boards by scripts/measure, which the report shows beside the emulated ones.

A row is one of the report's, and has besides:

    ratio            its cycles over those of the same image in emulation, at zero wait states
    spread_cycles    largest less smallest of the repeated runs; cycles is their median
    measured_commit  what the image was built from
    image            the linker's hash of the image
"""

import json
import re
from pathlib import Path

from measuring import ROOT, MeasuringError

FILE = ROOT / "bench/silicon.json"
KEYS = ["ratio", "spread_cycles", "measured_commit", "image"]
NAME_KEYS = ["source", "board", "isa", "backend", "opt", "guest_opt", "workload"]


def name(row):
    return tuple(row[key] for key in NAME_KEYS)


def check(row):
    """Raises MeasuringError unless what a row from silicon has besides is right."""
    right = (isinstance(row["ratio"], float) and row["ratio"] > 0 and isinstance(row["spread_cycles"], int)
             and row["spread_cycles"] >= 0 and isinstance(row["measured_commit"], str)
             and re.fullmatch("[0-9a-f]{40}", str(row["image"])))
    if not right:
        raise MeasuringError(f"a row from silicon with {({key: row[key] for key in KEYS})}")


def read(path=FILE):
    """The rows measured so far."""
    if not path.exists():
        return []
    try:
        rows = json.loads(path.read_text())
        for row in rows:
            name(row), check(row)
        return rows
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MeasuringError(f"{path}: {error!r}") from error


def merged(rows, new):
    """Rows with new ones added; those measured again are replaced, no other is touched."""
    again = {name(row) for row in new}
    return [row for row in rows if "ratio" not in row or name(row) not in again] + new


def write(rows, path=FILE):
    whole = path.with_suffix(".new")
    whole.write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")
    whole.replace(path)
