"""eBPF backends in the report.

Those that run a program as compilers make it have images like all others (measuring.py), for qemu-microbit. bpf-packed
and bpf-alu32 have none yet: their Cortex-M0+ libraries run and are counted in Unicorn alone, by limpet-bpf-cycles,
which has to find the cycles of the images for the others. Flash is the difference of two linked images, as everywhere.
"""

import json

from measuring import ROOT, WORKLOADS, MeasuringError, Variant, command

# Without what calls the host, which limpet-bpf-cycles does not answer; 32-bit registers are not enough for sos,
# with its products of 64 bits.
ROWS = {"ebpf": [name for name in WORKLOADS + ["empty"] if name != "max31865"],
        "ebpf32": [name for name in WORKLOADS + ["empty"] if name not in ("max31865", "sos")]}


def _variants(bench, having):
    registered = json.loads((bench.mcu / "firmware/bpf_backends.json").read_text())
    return [Variant(backend, its["isa"], its["opt"]) for backend, its in registered.items() if its["image"] in having]


def variants(bench):
    """The backends that there are images of."""
    return _variants(bench, [True])


def registered_opts(bench):
    """{backend: the optimisation that it is registered with}."""
    return {variant.backend: variant.opt for variant in _variants(bench, [True, False])}


def complete_row(empty_row, told, variant, native_cycles, flash):
    """A row of the report, from a line of limpet-bpf-cycles. empty_row has all keys."""
    row = empty_row | {"isa": variant.isa, "backend": variant.backend, "opt": variant.opt, "guest_opt": variant.guest_opt,
                       "source": "emulated:unicorn", "workload": told["workload"], "cycles": told["cycles"]}
    if told["workload"] == "empty":
        return row
    return row | told | {
        "flash_bytes": flash, "native_cycles": native_cycles,
        "cycles_per_insn": round(told["cycles"] / told["guest_insns"], 3),
        "slowdown": round(told["cycles"] / native_cycles, 3),
    }


def compare(image_rows, told):
    """Raises MeasuringError unless limpet-bpf-cycles, which runs libraries without a board, counts as the images do."""
    cycles = {(one["backend"], one["workload"]): one["cycles"] for one in told}
    for row in image_rows:
        if cycles.get((row["backend"], row["workload"])) != row["cycles"]:
            raise MeasuringError(f"{row['backend']}: {row['workload']}: {row['cycles']} cycles in its image, by "
                                 f"limpet-bpf-cycles {cycles.get((row['backend'], row['workload']))}")


def rows(bench, empty_row, measured_rows, native_cycles):
    """Rows of all eBPF backends. measured_rows: those of the images, as of any backend. native_cycles: {workload:
    cycles}."""
    image_rows = [row for row in measured_rows if row["workload"] in ROWS[row["isa"]]]
    others = {variant.backend: variant for variant in _variants(bench, [False])}
    command(["ninja", "-C", bench.mcu, "firmware/flash-bpf-none.elf",
             *(f"firmware/{variant.flash_image}" for variant in others.values())])
    build = ROOT / "build/host"
    command(["ninja", "-C", build, "limpet-bpf-cycles"])
    lines = command([build / "bench/limpet-bpf-cycles", "--rows", build / "bench/guests/ebpf-O2"]).splitlines()
    told = [json.loads(line) for line in lines]
    if {one["backend"] for one in told} != registered_opts(bench).keys():
        raise MeasuringError(f"eBPF: {registered_opts(bench).keys()} are registered, others were measured")
    compare(image_rows, told)
    for one in told:  # as everywhere: the deepest of all runs
        one["stack_bytes"] = max(other["stack_bytes"] for other in told if other["backend"] == one["backend"])
    flash = {backend: bench.flash_bytes(variant) for backend, variant in others.items()}
    return image_rows + [
        complete_row(empty_row, one, others[one["backend"]], native_cycles.get(one["workload"]), flash[one["backend"]])
        for one in told if one["backend"] in others]
