"""Reports that were never measured, for tests."""

import drivers
from measuring import CALLS, REFERENCE, WORKLOADS
from report import EMPTY_ROW, NUMBER_KEYS, ROW_KEYS


def sample(backend="rv32-switch", isa="rv32ec", opt="-Os", board="qemu-microbit", factor=1):
    """A report of one backend. Its figures are the number of the workload, times `factor`."""
    rows = []
    for guest_opt in ("-O2", "-Os"):
        for number, name in enumerate(WORKLOADS + CALLS, 1):
            row = dict.fromkeys(ROW_KEYS) | {
                "isa": isa, "backend": backend, "target": "cortex-m0plus", "board": board,
                "opt": opt, "guest_opt": guest_opt, "workload": name, "source": "emulated:qemu"}
            figures = NUMBER_KEYS if name not in CALLS else ["cycles"]
            rows.append(row | {key: number * factor for key in figures})
    sizes_rows = [{"driver": name, isa: factor} for name in drivers.IMAGES]
    rows += drivers.report_rows(sizes_rows, [isa], EMPTY_ROW | {"board": board},
                                {name: opt for name in (REFERENCE, "rv32-dense")})
    return {"schema": 1, "commit": "0" * 40, "compilers": {"gcc": "12"}, "rows": rows}
