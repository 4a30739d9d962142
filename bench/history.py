"""bench/history.json: what every figure was when it last changed, a line per commit that changed one.

A line has the rows that changed only, so that a diff of the file tells what a commit did. All lines together, the later
ones over the earlier, are the baseline that `scripts/report --check` compares with. The commit of a line is the one
that added it (git blame). A row, named "backend isa opt":

    {"boards": [those that it was emulated on], "flash_bytes": .., "state_bytes": .., "stack_bytes": ..,
     "cycles_per_insn": geometric mean,
     "workloads": {"crc32 -O2": [cycles, prepared_bytes, image_bytes], .., "empty -O2": [cycles]}}

"drivers isa": {driver: image_bytes}. null: there is no such row any more. A row takes the same on every emulated board,
or the report is an error.
"""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from measuring import CALLS, ROOT, MeasuringError
from report_text import emulated_boards, groups, mean_and_deviation

FILE = ROOT / "bench/history.json"
GROWTH_MAX = 1.02
WORKLOAD_FIGURES = ["cycles", "prepared_bytes", "image_bytes"]


def figures(report):
    """{name: row} of a report's emulated rows, as a line of the history has them."""
    result = {}
    for guest_opt in ("-O2", "-Os"):
        for (backend, isa, opt), rows in groups(report, guest_opt).items():
            some = rows["crc32"]
            row = result.setdefault(f"{backend} {isa} {opt}", {
                "boards": [], **{key: some[key] for key in ("flash_bytes", "state_bytes", "stack_bytes")},
                "cycles_per_insn": None, "workloads": {}})
            if guest_opt == "-O2":
                row["cycles_per_insn"] = round(mean_and_deviation(rows, "cycles_per_insn")[0], 2)
            for name, figures_of in rows.items():
                keys = WORKLOAD_FIGURES if name not in CALLS else ["cycles"]
                row["workloads"][f"{name} {guest_opt}"] = [figures_of[key] for key in keys]
    for row in report["rows"]:
        if row["cycles"] is None:  # a driver
            result.setdefault(f"drivers {row['isa']}", {})[row["workload"]] = row["image_bytes"]
    for board in emulated_boards(report):
        for name in groups(report, "-O2", board):
            result[" ".join(name)]["boards"].append(board)
    return result


def read(path=FILE):
    """The lines of the history, oldest first."""
    try:
        lines = json.loads(path.read_text())
        for line in lines:
            if set(line) != {"date", "why", "rows"}:
                raise ValueError(f"a line with the keys {sorted(line)}")
        return lines
    except (OSError, ValueError) as error:
        raise MeasuringError(f"{path}: {error}") from error


def state_after(lines):
    """{name: row} that the lines add up to."""
    state = {}
    for line in lines:
        state |= line["rows"]
    return {name: row for name, row in state.items() if row is not None}


def changes(before, now):
    """The rows of a new line; empty when no figure has changed."""
    changed = {name: row for name, row in now.items() if before.get(name) != row}
    return changed | {name: None for name in before if name not in now}


def write(lines, path=FILE):
    """One line of text for each line of the history, which stays as it is when others are added: git blame."""
    text = "\n,".join(json.dumps(line, separators=(",", ":"), ensure_ascii=False) for line in lines)
    path.write_text(f"[\n{text}\n]\n")


def _flat(row):
    """{what: number} of a row: what must not grow."""
    if "workloads" not in row:
        return {f"{driver}: image_bytes": image_bytes for driver, image_bytes in row.items()}
    fixed_bytes = row["state_bytes"] + row["stack_bytes"]
    result = {"flash_bytes": row["flash_bytes"], "RAM (state and stack)": fixed_bytes}
    for name, values in row["workloads"].items():
        result[f"{name}: cycles"] = values[0]
        if len(values) > 1:
            result[f"{name}: RAM (state, stack and prepared)"] = fixed_bytes + values[1]
            result[f"{name}: image_bytes"] = values[2]
    return result


def grown(before, now):
    """A line for each figure that grew by more than GROWTH_MAX allows, and for each that is not measured any more."""
    lines = []
    for name, old_row in before.items():
        if name not in now:
            lines.append(f"{name}: not measured any more")
            continue
        new = _flat(now[name])
        lines += [f"{name} on {board}: not measured any more"
                  for board in old_row.get("boards", []) if board not in now[name]["boards"]]
        for what, old_value in _flat(old_row).items():
            if what not in new:
                lines.append(f"{name}: {what}: not measured any more")
            elif new[what] > old_value * GROWTH_MAX:
                percent = 100 * (new[what] / old_value - 1)
                lines.append(f"{name}: {what}: {old_value} before, {new[what]} now (+{percent:.1f} %)")
    return lines


@dataclass(frozen=True)
class Commit:
    hash: str  # "" while it is not committed
    subject: str


def commits(path=FILE):
    """The commit of each line of the history, where git knows it: {0: Commit, ..}."""
    done = subprocess.run(["git", "-C", path.parent, "blame", "--line-porcelain", path.name],
                          capture_output=True, text=True, check=False)
    result, current = {}, ""
    number = -1  # the first line of text is the bracket
    for line in done.stdout.splitlines():
        if line.startswith("summary "):
            subject = line.removeprefix("summary ")
        elif line.startswith("\t"):
            if number >= 0:
                committed = current.strip("0^") != ""
                result[number] = Commit(current[:10], subject) if committed else Commit("", "not committed")
            number += 1
        elif (first := line.split(" ", 1)[0]) and len(first) == 40:
            current = first
    return result


def trend(lines, commits_of=None):
    """Rows for the page: a figure of a row after each line that changed it, and at the end."""
    rows, before = [], {}
    for step, line in enumerate(lines, 1):
        commit = (commits_of or {}).get(step - 1, Commit("", ""))
        is_last = step == len(lines)
        current = state_after(lines[:step])
        for name, row in current.items():
            if "workloads" not in row or (before.get(name) == row and not is_last):
                continue
            backend, isa, _ = name.split(" ")
            prepared_bytes = max(values[1] for values in row["workloads"].values() if len(values) > 1)
            values = {"flash_bytes": row["flash_bytes"], "cycles_per_insn": row["cycles_per_insn"],
                      "ram_bytes": row["state_bytes"] + row["stack_bytes"] + prepared_bytes}
            common = {"name": name, "backend": backend, "isa": isa, "step": step, "date": line["date"],
                      "why": line["why"], "commit": commit.hash, "last": is_last}
            rows += [common | {"figure": figure, "value": value} for figure, value in values.items()]
        before = current
    return rows
