"""eBPF backends in the report: their Cortex-M0+ libraries, run and counted in Unicorn by limpet-bpf-cycles.

They have no images for boards yet: cycles are those of the library's object code at zero wait states, by the same table
as all others, and flash is the difference of two linked images, as everywhere.
"""

import json

from measuring import ROOT, WORKLOADS, MeasuringError, Variant, command

# Without the one that calls the host; 32-bit registers are not enough for sos, with its products of 64 bits.
ROWS = {"ebpf": [name for name in WORKLOADS + ["empty"] if name != "max31865"],
        "ebpf32": [name for name in WORKLOADS + ["empty"] if name not in ("max31865", "sos")]}


def _registered(bench):
    return json.loads((bench.mcu / "firmware/bpf_backends.json").read_text())


def registered_opts(bench):
    """{backend: the optimisation that it is registered with}."""
    return {backend: its["opt"] for backend, its in _registered(bench).items()}


def flash_bytes(bench, variant):
    return bench.size(variant.flash_image) - bench.size("flash-bpf-none.elf")


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


def rows(bench, empty_row, native_cycles):
    """Rows of all eBPF backends. native_cycles: {workload: cycles}."""
    variants = {backend: Variant(backend, its["isa"], its["opt"]) for backend, its in _registered(bench).items()}
    command(["ninja", "-C", bench.mcu, "firmware/flash-bpf-none.elf",
             *(f"firmware/{variant.flash_image}" for variant in variants.values())])
    build = ROOT / "build/host"
    command(["ninja", "-C", build, "limpet-bpf-cycles"])
    lines = command([build / "bench/limpet-bpf-cycles", "--rows", build / "bench/guests/ebpf-O2"]).splitlines()
    told = [json.loads(line) for line in lines]
    if {one["backend"] for one in told} != variants.keys():
        raise MeasuringError(f"eBPF: {variants.keys()} are registered, others were measured")
    for one in told:  # as everywhere: the deepest of all runs
        one["stack_bytes"] = max(other["stack_bytes"] for other in told if other["backend"] == one["backend"])
    flash = {backend: flash_bytes(bench, variant) for backend, variant in variants.items()}
    return [complete_row(empty_row, one, variants[one["backend"]], native_cycles.get(one["workload"]),
                         flash[one["backend"]]) for one in told]
