#!/usr/bin/python3
"""Which handlers is rv32-threaded worth having? For each kind of instruction and each combination of registers: how
often it runs, the cycles that a handler of its own saves, and the bytes that it takes; chosen greedily by cycles saved
per byte until a budget is used up.

    bench/handlers.py --limpet build/host/tools/limpet --guests build/m0plus/firmware/guests [--bytes 1200]

Teachers are the workloads, by what they execute, and the drivers of firmware/drivers, by what they consist of. The
first line has cycles per instruction of each workload with the handlers that all of them taught; the second one has
each with the handlers that were chosen without it. Cycles and bytes are those of the macros in
variants/rv32/threaded/operations.inc, by the table of ARM DDI0484C; an instruction without a handler of its own goes
by the one for any registers.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent / "density"))
import corpus
from measuring import GEOMEAN_WORKLOADS, geometric_mean

PINNED = {15: "P", 14: "Q", 13: "R"}
DISPATCH = 6
WEIGHT_OF_DRIVERS = 2  # all drivers together, as so many workloads


def place(register):
    return PINNED.get(register, "M")


def kind(i):
    """(group of handlers, registers): what one handler is for; None: carried out without a handler of its own."""
    name, r = i.name.replace(".unscaled", ""), i.registers
    if name in ("add", "sub", "xor", "or", "and", "sll", "srl", "sra", "slt", "sltu"):
        if name == "add" and r[1] == 0:
            return "mv", (place(r[0]), place(r[2]))
        return name, (place(r[0]), "s" if r[0] == r[1] else place(r[1]), place(r[2]))
    if name == "addi" and r[1] == 0:
        return ("li", (place(r[0]),)) if -2048 <= i.immediate < 2048 else None
    if name == "addi" and i.immediate == 0:
        return "mv", (place(r[0]), place(r[1]))
    if name == "addi" and r[0] == 2:
        return None
    if name in ("addi", "andi", "ori", "xori", "slli", "srli", "srai", "slti", "sltiu"):
        wide = "" if -128 <= i.immediate < 128 else " wide"
        return name + wide, (place(r[0]), "s" if r[0] == r[1] else place(r[1]))
    if name in ("lw", "sw") and r[1] == 2 and 0 <= i.immediate < 64:
        return name + "sp", (place(r[0]),)
    if name in ("lb", "lbu", "lh", "lhu", "lw", "sb", "sh", "sw"):
        return name, (place(r[0]), place(r[1]))
    if name in corpus.BRANCHES:
        if r[1] == 0 and name in ("beq", "bne"):
            return name + "z", (place(r[0]),)
        return name, (place(r[0]), place(r[1]))
    return None


def any_cycles(its, taken):
    """Cycles of the handler for any registers."""
    group = its[0].split()[0]
    if group[0] == "b":
        return (29 if group.endswith("z") else 36) + 7 * taken
    return {"mv": 36, "li": 35, "lwsp": 42, "swsp": 42}.get(group, 50 if group[0] == "l" else
                                                          46 if group in ("sb", "sh", "sw") else 41)


def cost(handler, taken=0):
    """(cycles, bytes) of a handler of its own, dispatch and key included. taken: how many of the branches are."""
    group, registers = handler
    name = group.split()[0]
    memory = registers.count("M")
    places = "".join("M" if r == "M" else "s" if r == "s" else "P" for r in registers)
    if name == "mv":
        cycles, size = {0: (1, 2), 1: (3, 4), 2: (7, 10)}[memory]
    elif name == "li":
        cycles, size = (5, 8) if memory else (1, 2)
    elif name in ("add", "sub", "xor", "or", "and", "sll", "srl", "sra", "slt", "sltu"):
        cycles, size = {"PsP": (1, 2), "PsM": (4, 6), "MsP": (6, 8), "MsM": (10, 14), "MMM": (15, 20), "PMM": (8, 12),
                        "PPM": (4, 6), "PMP": (4, 6), "PPP": (1, 2), "MPM": (11, 14), "MMP": (11, 14),
                        "MPP": (5, 8)}[places]
        if name in ("sll", "srl", "sra"):
            cycles, size = cycles + 2, size + 4
        if name in ("slt", "sltu"):
            cycles, size = cycles + 3, size + 6
        if name in ("xor", "or", "and") and places in ("PMM", "PPM", "PMP", "PPP"):
            cycles, size = cycles + 1, size + 2
    elif name in ("addi", "andi", "ori", "xori", "slli", "srli", "srai", "slti", "sltiu"):
        cycles, size = {"Ms": (8, 12), "Ps": (2, 4), "PP": (3, 6), "PM": (6, 10), "MP": (7, 12), "MM": (12, 18)}[places]
        if name in ("slti", "sltiu"):
            cycles, size = cycles + 3, size + 6
    elif name in ("lwsp", "swsp"):
        cycles, size = (12, 20) if memory else (8, 12)
    elif name[0] == "l":
        cycles, size = {"PP": (9, 16), "PM": (13, 22), "MP": (13, 22), "MM": (19, 34)}[places]
    elif name[0] == "s":
        cycles, size = {"PP": (13, 22), "PM": (17, 28), "MP": (17, 28), "MM": (23, 40)}[places]
    elif name.endswith("z"):
        cycles, size = (5 + 7 * taken, 8) if memory else (2 + 7 * taken, 4)
    else:
        cycles, size = {0: (2, 4), 1: (5, 8), 2: (13, 20)}[memory]
        cycles += 7 * taken
    if name in ("lb", "lbu", "sb"):
        cycles, size = cycles - 2, size - 4
    if "wide" in group and registers[0] != "M" and registers[1] != "M":
        cycles, size = cycles + 1, size + 2
    return cycles + DISPATCH, size + 10


class Guest:
    """How often each kind runs (or stands there), out of 1, and the cycles of all others."""

    def __init__(self, name, instructions, counts, taken):
        self.name, self.kinds, self.other = name, Counter(), 0.0
        self.taken = taken
        total = sum(counts.values())
        for instruction, count in counts.items():
            its = kind(instructions[instruction])
            if its is None:
                self.other += count / total * 16
            else:
                self.kinds[its] += count / total

    def cycles(self, chosen):
        return self.other + sum(weight * (cost(its, self.taken)[0] if its in chosen else any_cycles(its, self.taken))
                                for its, weight in self.kinds.items())


def choose(guests, budget):
    """Handlers, the best first, that take no more than that many bytes: {handler: cycles saved}."""
    saved = Counter()
    for guest, weight in guests:
        for its, share in guest.kinds.items():
            saved[its] += weight * share * (any_cycles(its, guest.taken) - cost(its, guest.taken)[0])
    chosen, used = {}, 0
    for its in sorted(saved, key=lambda its: saved[its] / cost(its)[1], reverse=True):
        size = cost(its)[1]
        if saved[its] > 0 and used + size <= budget:
            used += size
            chosen[its] = saved[its]
    return chosen, used


def workload(limpet, folder, name):
    path = folder / "rv32ec-O2" / f"{name}.elf"
    command = [limpet, "run", path, "--isa", "rv32ec", "--args", "1", "--memory", "0:0x2000", "--trace"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    addresses = [int(found, 16) for found in re.findall(r"^([0-9a-f]{8}):", done.stderr, re.M)]
    program = corpus.read(limpet, path, name)
    command = [limpet, "disasm", path, "--isa", "rv32ec"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    numbers = {int(found, 16): i for i, found in enumerate(re.findall(r"^([0-9a-f]{8}): [0-9a-f]+ ", text, re.M))}
    counts = Counter(numbers[address] for address in addresses)
    branches = taken = 0
    for a, b in zip(addresses, addresses[1:]):
        if program.instructions[numbers[a]].name in corpus.BRANCHES:
            branches += 1
            taken += numbers[b] != numbers[a] + 1
    return Guest(name, program.instructions, counts, taken / max(branches, 1))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limpet", type=Path, required=True)
    parser.add_argument("--guests", type=Path, required=True, help="where guests of the firmware build are")
    parser.add_argument("--bytes", type=int, default=1200)
    options = parser.parse_args()
    limpet = options.limpet.resolve()
    teachers = [(workload(limpet, options.guests, name), 1.0) for name in GEOMEAN_WORKLOADS]
    with tempfile.TemporaryDirectory() as scratch:
        drivers, _ = corpus.build(limpet, Path(scratch), "source")
    for driver in drivers:
        counts = Counter(range(len(driver.instructions)))
        teachers.append((Guest(driver.name, driver.instructions, counts, 0.5), WEIGHT_OF_DRIVERS / len(drivers)))
    chosen, used = choose(teachers, options.bytes)
    workloads = [guest for guest, _ in teachers[:len(GEOMEAN_WORKLOADS)]]
    for what, of in (("all", lambda guest: chosen),
                     ("without", lambda guest: choose([t for t in teachers if t[0] is not guest], options.bytes)[0])):
        cycles = [guest.cycles(of(guest)) for guest in workloads]
        print(f"{what:8}" + " ".join(f"{g.name} {c:.1f}" for g, c in zip(workloads, cycles)) +
              f"  mean {geometric_mean(cycles):.2f}")
    print(f"{len(chosen)} handlers, {used} bytes; hundredths of a cycle that each saves, summed over teachers:")
    for its, gain in chosen.items():
        print(f"{100 * gain:7.1f}  {its[0]:10} {' '.join(its[1])}")


if __name__ == "__main__":
    main()
