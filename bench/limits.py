"""What the backends promise: the report fails when a figure is above its limit.

Speed and flash are promised for guests at -O2 and the backend at the optimisation named; the stack and the state for
every backend, because a firmware has to find room for them whichever it takes.
"""

from report_text import groups, mean_and_deviation

STATE_BYTES_MAX = 96
STACK_BYTES_MAX = 64
BPF_STATE_BYTES_MAX = 128
BPF_STACK_BYTES_MAX = 184  # in hostile guests; without them 148

# Of an entry that was called before.
EMPTY_CALL_CYCLES_MAX = {"rv32-jit": 135, "rv32-jit/compact": 154, "rv32-threaded": 120}

# (backend, isa, opt): geometric mean of cycles per guest instruction, bytes of flash; None: not promised
LIMITS = {
    ("rv32-switch", "rv32ec", "-Os"): (85, 1600),
    ("rv32-goto", "rv32ec", "-O2"): (40, 6000),
    ("rv32-goto", "rv32e", "-O2"): (45, None),
    ("rv32-goto/lean", "rv32ec", "-O2"): (50, 3000),
    ("rv32-tiny", "rv32ec", "asm"): (190, 940),
    # Xlimpet: at most 120 bytes more
    ("rv32-switch", "rv32ecx", "-Os"): (85, 1692),
    ("rv32-tiny", "rv32ecx", "asm"): (190, 1060),
    ("rv32-jit", "rv32ec", "asm"): (3.0, 5100),
    ("rv32-jit/compact", "rv32ec", "asm"): (5.1, 4260),
    ("rv32-dense", "rv32dense", "asm"): (80, 2400),
    ("rv32-threaded", "rv32ec", "asm"): (12, 5100),
    ("rv32-threaded/compact", "rv32ec", "asm"): (15, 4050),
    ("bpf-alu32", "ebpf32", "-Os"): (6.5, 4700),
}


def exceeded(report, opts, limits=None):
    """A line for each promise that the report does not hold. opts: {backend: its registered optimisation}."""
    measured = groups(report, "-O2")
    isas = {isa for _, isa, _ in measured}
    lines = []

    def check(name, what, value, limit):
        if limit is not None and value > limit:
            lines.append(f"{' '.join(name)}: {what} is {value:.6g}, promised are {limit}")

    for name, (ratio_max, flash_bytes_max) in (LIMITS if limits is None else limits).items():
        if name[1] not in isas:
            continue  # a short report
        if name not in measured:
            lines.append(f"{' '.join(name)}: not measured")
            continue
        check(name, "cycles per guest instruction", mean_and_deviation(measured[name], "cycles_per_insn")[0], ratio_max)
        check(name, "flash_bytes", measured[name]["crc32"]["flash_bytes"], flash_bytes_max)
    for name, rows in measured.items():
        is_bpf = name[1].startswith("ebpf")  # with registers of 64 bits
        check(name, "state_bytes", rows["crc32"]["state_bytes"], BPF_STATE_BYTES_MAX if is_bpf else STATE_BYTES_MAX)
        if name[2] == opts[name[0]]:
            check(name, "stack_bytes", rows["crc32"]["stack_bytes"],
                  BPF_STACK_BYTES_MAX if is_bpf else STACK_BYTES_MAX)
            check(name, "cycles of an empty call", rows["empty"]["cycles"], EMPTY_CALL_CYCLES_MAX.get(name[0]))
    return lines
