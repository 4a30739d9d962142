"""The report as a page: one file that opens offline, with pictures that can be filtered (page/)."""

import html
import json
from dataclasses import asdict
from pathlib import Path

import history
import peers
from measuring import GEOMEAN_WORKLOADS, WORKLOADS, MeasuringError, geometric_deviation, geometric_mean

FOLDER = Path(__file__).resolve().parent / "page"
LIBRARIES = ["vega/build/vega.min.js", "vega-lite/build/vega-lite.min.js", "vega-embed/build/vega-embed.min.js"]
MEAN = "geometric mean"
ISA_ORDER = ["rv32e", "rv32ec", "rv32emc", "rv32ecx", "rv32dense", "ebpf", "ebpf32"]


def place_of(row):
    """What the page's filter calls a board: an emulated and a real one are two."""
    kind, _, which = row["source"].partition(":")
    return row["board"] + (" (emulated)" if kind == "emulated" else f" (silicon {which})")


def _mean_of(rows):
    """The point of a backend that stands for the workloads of GEOMEAN_WORKLOADS together."""
    chosen = [rows[name] for name in GEOMEAN_WORKLOADS]
    return {
        "cycles_per_insn": geometric_mean([row["cycles_per_insn"] for row in chosen]),
        "slowdown": geometric_mean([row["slowdown"] for row in chosen]),
        "gsd": geometric_deviation([row["slowdown"] for row in chosen]),
        "prepared_bytes": round(sum(row["prepared_bytes"] for row in chosen) / len(chosen)),
        "prepare_cycles": round(sum(row["prepare_cycles"] for row in chosen) / len(chosen)),
        "ratio": geometric_mean([row.get("ratio", 1) for row in chosen]),
    }


def _tip(point):
    """What a dot says when the mouse is over it."""
    silicon = {"against emulation": f"{point['ratio']:.3f} times the cycles"} if point["silicon"] else {}
    return {
        "title": f"{point['backend']} {point['isa']}, built {point['opt']}", "board": point["board"],
        "workload": point["workload"], "flash": f"{point['flash_bytes']:,} B",
        "RAM": f"{point['ram_bytes']:,} B = state {point['state_bytes']} + stack {point['stack_bytes']} + prepared "
               f"{point['prepared_bytes']}",
        "cycles per guest instruction": f"{point['cycles_per_insn']:.1f}", "slowdown": f"{point['slowdown']:.1f}",
        "empty call": f"{point['empty_cycles']} cycles",
        "one host call": f"{point['host_call_cycles']} cycles" if point["host_call_cycles"] else "not measured",
    } | silicon


def _points_of(rows, label):
    """A point per workload, and their mean."""
    some = rows["crc32"]
    common = {key: some[key] for key in ("backend", "isa", "opt", "flash_bytes", "state_bytes", "stack_bytes")} | {
        "label": label, "name": f"{label} {some['isa']}", "board": place_of(some),
        "silicon": some["source"].startswith("silicon:"), "empty_cycles": rows["empty"]["cycles"],
        "host_call_cycles": rows["one_host_call"]["cycles"] if "one_host_call" in rows else None}
    points = [common | {"workload": MEAN} | _mean_of(rows)]
    for name in (name for name in WORKLOADS if name in rows):
        keys = ("cycles_per_insn", "slowdown", "cycles", "native_cycles", "prepared_bytes", "prepare_cycles")
        points.append(common | {"workload": name} | {key: rows[name][key] for key in keys} |
                      {"ratio": rows[name].get("ratio", 1)})
    for point in points:
        point["ram_bytes"] = point["state_bytes"] + point["stack_bytes"] + point["prepared_bytes"]
        point["tip"] = _tip(point)
    return points


def points(report):
    """What the page's pictures show: figures with guests at -O2, in the order of ISAs and then of speed."""
    found, opts = {}, {}
    for row in report["rows"]:
        if row["guest_opt"] == "-O2":
            found.setdefault((row["backend"], row["isa"], row["opt"], place_of(row)), {})[row["workload"]] = row
            opts.setdefault(row["backend"], set()).add(row["opt"])
    result = []
    for (backend, _, opt, _), rows in found.items():
        result += _points_of(rows, f"{backend} {opt}" if len(opts[backend]) > 1 else backend)
    speed = {point["name"]: point["cycles_per_insn"] for point in reversed(result) if point["workload"] == MEAN}
    ranked = sorted(speed, key=lambda name: (ISA_ORDER.index(name.split(" ")[-1]), speed[name]))
    for point in result:
        point["order"] = ranked.index(point["name"])
    return result


def peer_points():
    return [{
        "label": peer.name, "flash_bytes": peer.flash_bytes, "ram_bytes": peer.ram_bytes, "slowdown": peer.slowdown,
        "cycles_per_insn": peer.cycles_per_insn, "checked": peer.bounds == "yes",
        "tip": {"title": f"{peer.name}: {peer.runs}", "flash": f"{peer.flash_bytes:,} B",
                "RAM": f"{peer.ram_bytes:,} B" if peer.ram_bytes else "not measured",
                "cycles per guest instruction": peer.cycles_per_insn or "not measured",
                "slowdown": peer.slowdown or "not measured", "bounds checked": peer.bounds,
                "misaligned guest access": peer.misaligned},
    } | asdict(peer) for peer in peers.MEASURED]


PEER_COLUMNS = [
    {"key": "name", "title": "system"}, {"key": "runs", "title": "runs"},
    {"key": "flash_os_bytes", "title": "flash -Os", "digits": 0},
    {"key": "flash_o2_bytes", "title": "flash -O2", "digits": 0},
    {"key": "helper_bytes", "title": "+ helpers", "digits": 0}, {"key": "state_bytes", "title": "state B", "digits": 0},
    {"key": "stack_bytes", "title": "stack B", "digits": 0},
    {"key": "cycles_per_insn", "title": "cycles/insn", "digits": 0},
    {"key": "slowdown", "title": "slowdown", "digits": 0},
    {"key": "bounds", "title": "bounds"}, {"key": "misaligned", "title": "misaligned access"},
    {"key": "fuel", "title": "fuel"},
]
PUBLISHED_COLUMNS = [{"key": "name", "title": "system"}, {"key": "what", "title": "what it is"},
                     {"key": "part", "title": "part"}, {"key": "slowdown", "title": "slowdown"},
                     {"key": "source", "title": "source", "wrap": True}]
COMMIT_COLUMNS = [{"key": "step", "title": "change", "digits": 0}, {"key": "date", "title": "date"},
                  {"key": "commit", "title": "commit"}, {"key": "why", "title": "why", "wrap": True},
                  {"key": "rows", "title": "rows changed", "digits": 0}]


def page_data(report, drivers, lines):
    commits_of = history.commits()
    trend = history.trend(lines, commits_of)
    return {
        "commit_line": f"Commit {report['commit']}. " + " ".join(f"{text}." for text in report["compilers"].values()),
        "workloads": WORKLOADS, "points": points(report), "drivers": drivers,
        "peers": peer_points(), "peer_columns": PEER_COLUMNS,
        "published": [asdict(one) for one in peers.PUBLISHED], "published_columns": PUBLISHED_COLUMNS,
        "trend": trend, "commit_columns": COMMIT_COLUMNS,
        "commits": [{"step": step, "date": line["date"], "why": line["why"], "rows": len(line["rows"]),
                     "commit": commits_of[step - 1].hash if step - 1 in commits_of else ""}
                    for step, line in reversed(list(enumerate(lines, 1)))],
    }


def _library(name):
    path = FOLDER / "node_modules" / name
    if not path.is_file():
        raise MeasuringError(f"{path} is not there: run scripts/setup")
    return path.read_text().replace("</script", "<\\/script")


def page(report, drivers, lines, method, repeat):
    """The text of the page. method and repeat: HTML."""
    data = json.dumps(page_data(report, drivers, lines), separators=(",", ":")).replace("<", "\\u003c")
    parts = {
        "STYLE": (FOLDER / "page.css").read_text(), "CHARTS": (FOLDER / "charts.js").read_text(),
        "SCRIPT": (FOLDER / "page.js").read_text(), "LIBRARIES": ";\n".join(map(_library, LIBRARIES)), "DATA": data,
        "GEOMEAN": ", ".join(GEOMEAN_WORKLOADS), "PEERS_NOTE": html.escape(peers.NOTE), "METHOD": method,
        "REPEAT": repeat,
    }
    text = (FOLDER / "page.html").read_text()
    for name, part in parts.items():
        before, _, after = text.partition(f"@{name}@")  # once: what was put in may contain anything
        text = before + part + after
    return text
