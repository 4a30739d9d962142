"""Drivers in the report: what each takes as an image, which is the same for every backend that runs the isa."""

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from measuring import REFERENCE, ROOT, WORKLOADS, MeasuringError, command

sys.path.insert(0, str(ROOT / "firmware/drivers"))
import sizes

IMAGES = [name for name in sizes.drivers() if name != sizes.UNBOUND]


def workload(image):
    """Its name in the report: one workload is called like a driver."""
    return f"{image}-driver" if image in WORKLOADS else image


NAMES = [workload(image) for image in IMAGES]


@dataclass
class DriverSizes:
    rows: list  # of sizes.py
    note: str  # what binding a driver to its instance saves
    exceeded: list  # a line for each promise that is not held


def measure():
    """Builds the command `limpet` and the images, where other host builds do, and measures them."""
    build = ROOT / "build/host"
    command(["cmake", "--preset", "host"], cwd=ROOT)
    command(["ninja", "-C", build, "driver_images"])
    with tempfile.TemporaryDirectory() as scratch:
        try:
            measured = sizes.Sizes(build / "tools/limpet", build / "firmware/drivers/images", Path(scratch))
            rows = measured.rows()
            return DriverSizes(rows, sizes.binding_text(measured.binding()), sizes.exceeded(rows))
        except sizes.SizesError as error:
            raise MeasuringError(f"sizes of drivers: {error}") from error


def report_rows(sizes_rows, isas, empty_row, opts):
    """Rows of the report, of the reference backend of each isa: empty_row has all their keys."""
    def backend(isa):
        return {"rv32dense": "rv32-dense", "ebpf": "bpf-switch"}.get(isa, REFERENCE)

    return [empty_row | {"isa": isa, "backend": backend(isa), "opt": opts[backend(isa)], "guest_opt": "-Os",
                         "workload": workload(row["driver"]), "image_bytes": row[isa]}
            for isa in isas for row in sizes_rows if isa in row]


def complete(report):
    """Are there drivers, and for each isa with a driver all of them?"""
    found = {}
    for row in report["rows"]:
        if row["workload"] in NAMES:
            found.setdefault(row["isa"], set()).add(row["workload"])
    return bool(found) and all(names == set(NAMES) for names in found.values())
