#!/usr/bin/python3
"""Which handlers is rv32-threaded worth having? For each kind of instruction and each combination of registers: how
often it runs, the cycles that a handler of its own saves, and the bytes that it takes. Likewise a copy of a handler in
front of another one, so that one falls into the other, and a handler with a dispatch of its own. Chosen greedily by
cycles saved per byte until a budget is used up.

    bench/handlers.py --limpet build/host/tools/limpet --guests build/m0plus/firmware/guests [--bytes 2050]
                      [--kept 3] [--write variants/rv32/threaded/fast.inc]

Teachers are the workloads, by what they execute, and the drivers of firmware/drivers, by what they consist of. The
first line has cycles per instruction of each workload with the handlers that all of them taught; the second one has
each with the handlers that were chosen without it, the third one those that only drivers taught; the last one the
drivers, each family with the handlers that were chosen without it, every instruction counting alike. Cycles and bytes
are those of the macros in variants/rv32/threaded/operations.inc, by the table of ARM DDI0484C; an instruction without
a handler of its own goes by the one for any registers. --write puts the handlers down for the assembler.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent / "density"))
import corpus
from measuring import GEOMEAN_WORKLOADS, geometric_mean

WEIGHT_OF_DRIVERS = 2  # all drivers together, as so many workloads
SHARED, OWN, FALLING = 7, 6, 2  # cycles of the ways to the next record
OWN_BYTES = 6  # more than `b dispatch`
KEY_AND_END_BYTES = 4
OTHER_CYCLES = 17  # of what never has handlers to choose: jumps, sp
HOST_CALL_CYCLES = 100

# RISC-V: Thumb, in handlers of two registers (or two and a result), and of one and an immediate
ALU = {"add": "adds", "xor": "eors", "or": "orrs", "and": "ands", "sub": "subs"}
IMMEDIATE = {"addi": "adds", "slli": "lsls", "xori": "eors", "srli": "lsrs", "ori": "orrs", "andi": "ands",
             "srai": "asrs"}
LOADS = {"lw": "ldr, 30", "lbu": "ldrb, 0", "lhu": "ldrh, 31"}
STORES = {"sb": "strb, 0", "sh": "strh, 31", "sw": "str, 30"}
BRANCHES = {"beq": "eq", "bne": "ne", "blt": "lt", "bge": "ge", "bltu": "lo", "bgeu": "hs"}
NEAR_SP = {"lwsp", "swsp"}
# Groups of handlers, in the order of handlers.inc.
GROUPS = ["lw", "lwsp", "lbu", "lhu", "swsp", "sb", "sh", "sw",
          "beq", "bne", "beqz", "bnez", "blt", "bge", "bltu", "bgeu",
          "add", "sll", "xor", "srl", "or", "and", "sub", "sra", "mv",
          "addi", "slli", "xori", "srli", "ori", "andi", "li", "srai", "constant"]
# What a handler jumps to when it cannot go on: a conditional branch reaches 256 bytes.
REACH = 200
WAYS = {"bad": ("way_out", 2), "sp": ("sp_out", 2), "jump": ("jumps", 24)}


def kind(i, place):
    """What one handler is for: (group, register written or, of stores and branches, first one, second one, third one
    or kind of the immediate: b of 8 bits, w others). None: goes without a choice."""
    name, r = i.name.replace(".unscaled", ""), [place(register) for register in i.registers]
    if name == "limpet.call" or not r:
        return None
    small = "b" if i.immediate is not None and -128 <= i.immediate < 128 else "w"
    same = "s" if r[0] == "M" and len(r) > 1 and i.registers[0] == i.registers[1] else r[-1] if len(r) < 3 else r[1]
    if name == "add" and i.registers[1] == 0:
        return "mv", r[0], r[2], ""
    if name in ALU or name in ("sll", "srl", "sra", "slt", "sltu"):
        return name, r[0], same, r[2]
    if name == "addi" and i.registers[1] == 0:
        if not -2048 <= i.immediate < 2048:
            return "constant", r[0], "", ""
        return "li", r[0], "", small if r[0] != "M" else "w"
    if name in ("lui", "auipc"):
        return "constant", r[0], "", ""
    if name == "addi" and i.immediate == 0:
        return "mv", r[0], r[1], ""
    if name == "addi" and i.registers[0] == 2:
        return None
    if name in IMMEDIATE or name in ("slti", "sltiu"):
        return name, r[0], same, small if r[0] != "M" and r[1] != "M" else "w"
    if name in ("lw", "sw") and i.registers[1] == 2 and 0 <= i.immediate < 64:
        return name + "sp", r[0], "", ""
    if name in LOADS or name in STORES or name in ("lb", "lh"):
        offset = i.immediate << corpus.SCALES.get(i.name, 0)
        return name, r[0], r[1], "w" if "M" in r or not -128 <= offset < 128 else "b"
    if name in corpus.BRANCHES:
        return (name + "z", r[0], "", "") if i.registers[1] == 0 and name in ("beq", "bne") else (name, r[0], r[1], "")
    return None


def any_cycles(its, kept):
    """Cycles of the handler for any registers, of which so many are kept; where a branch is not taken."""
    group = its[0]
    if group in NEAR_SP:
        cycles = 40
    elif group in corpus.BRANCHES or group.endswith("z"):
        return (30 if group.endswith("z") else 36) - 2 * (3 - kept)
    else:
        cycles = {"mv": 32, "li": 32, "constant": 33, "lw": 46, "lhu": 46, "lh": 47, "lbu": 44, "lb": 45, "sw": 44,
                  "sh": 44, "sb": 42}.get(group, 37)
    return cycles - 4 * (3 - kept)


def macro(its):
    """The handler as operations.inc has it; None: it has none."""
    group, d, s, t = its
    if group in ALU:
        if s in ("s", d) and d + s != "MM":
            return f"with {ALU[group]}, {d}, {t}"
        if group in ("add", "sub") and "M" not in d + s + t:
            return f"of_kept {ALU[group]}, {d}, {s}, {t}"
        return f"of {ALU[group]}, {d}, {s}, {t}"
    if group in IMMEDIATE:
        if s in ("s", d) and d + s != "MM":
            return f"with_{'wide_' if d != 'M' and t == 'w' else ''}i {IMMEDIATE[group]}, {d}"
        return f"of_i {IMMEDIATE[group]}, {d}, {s}" if t == "b" or "M" in d + s else None
    if group == "mv":
        return f"move {d}, {s}"
    if group == "li":
        return f"li{'_wide' if d != 'M' and t == 'w' else ''} {d}"
    if group in NEAR_SP or group == "constant":
        return f"{group} {d}"
    if group in LOADS or group in STORES:
        its = f"load {LOADS[group]}" if group in LOADS else f"store {STORES[group]}"
        return f"{its}, {d}, {s}" if t == "b" or "M" in d + s else None
    if group in BRANCHES:
        return f"branch {BRANCHES[group]}, {d}, {s}"
    if group.endswith("z"):
        return f"branch_0 {BRANCHES[group[:-1]]}, {d}"
    return None


def label(its):
    """The name that operations.inc gives the handler."""
    words = macro(its).replace(",", "").split()
    if words[0] in ("load", "store"):
        return f"{words[1]}_{words[3]}{words[4]}"
    places = "".join(word for word in words[1:] if word in "MPQR")
    return "_".join([words[0], *(word for word in words[1:] if word not in "MPQR"), places])


def body(its):
    """(cycles, bytes) of a handler's operation: without its key and the way to the next record."""
    group, d, s, t = its
    memory = 0  # accesses
    if group == "mv":
        memory = (d == "M") + (s == "M")
        instructions = [1, 2, 5][memory]
    elif group == "li":
        instructions, memory = (4, 1) if d == "M" else (1 if t == "b" else 2, 0)
    elif group == "constant":
        instructions, memory = (5, 1) if d == "M" else (3, 0)
    elif group in ALU:
        fields = (d == "M") + (s == "M") + (t == "M")
        memory = fields + (d == "M" and s == "s")
        instructions = [0, 1, 3, 5][fields] + memory + 1
        if s not in ("s", d) and not (group in ("add", "sub") and "M" not in d + s + t):
            instructions += (s != "M") + (d != "M")  # of: by way of r0
    elif group in IMMEDIATE:
        if d == "M":
            memory = 1 + (s in "sM")
            instructions = 6 if s == "s" else 10 if s == "M" else 6
        else:
            memory = int(s == "M")
            instructions = (5 if s == "M" else (1 if t == "b" else 2) + 1 + (s != d))
    elif group in NEAR_SP:
        instructions, memory = (9, 3) if d == "M" else (6, 2)
    elif group in LOADS or group in STORES:
        both = d == "M" and s == "M"
        instructions = (7 if both else 5 if s == "M" else 3 if d == "M" else 2) + (2 if "b" in group else 4)
        memory = int(s == "M")
        instructions += 2 + (3 if group in STORES else 0) + (0 if d != "M" else 3 if both else 2)
        memory += 1 + (group in STORES) + (d == "M")
    elif group.endswith("z"):
        instructions, memory = (4, 1) if d == "M" else (2, 0)
    else:
        memory = (d == "M") + (s == "M")
        instructions = [2, 4, 11][memory]
    return instructions + memory, 2 * instructions


def needs(its):
    """The label that the handler needs within reach."""
    group = its[0]
    if group in NEAR_SP:
        return "sp"
    if group in LOADS or group in STORES:
        return "bad"
    return "jump" if group in corpus.BRANCHES or group.endswith("z") else None


def can_fall(first, second):
    """May a copy of the first stand in front of the second? `jumps` is too long to be where nothing else jumps."""
    return needs(first) != "jump" or needs(second) == "jump"


def serving(its):
    """Handlers that do for this kind."""
    group, d, s, t = its
    return [its] + ([(group, d, s, "w")] if t == "b" else [])


class Guest:
    """How often each kind runs (or stands there), out of 1; which follow each other; and the cycles of all else."""

    def __init__(self, name, family, instructions, counts, followed, place):
        self.name, self.family = name, family
        total = sum(counts.values())
        kinds = {i: kind(instructions[i], place) for i in counts}
        self.kinds, self.other = Counter(), 0.0
        for i, count in counts.items():
            taken = count - followed.get(i, 0) if instructions[i].name in corpus.BRANCHES else 0
            self.other += 7 * taken / total
            if kinds[i] is None:
                own = HOST_CALL_CYCLES if instructions[i].name == "limpet.call" else OTHER_CYCLES
                self.other += own * count / total
            else:
                self.kinds[kinds[i]] += count / total
        self.places = {i: (its, counts[i] / total) for i, its in kinds.items() if its is not None}
        self.follows = [(i, i + 1, count / total) for i, count in sorted(followed.items())
                        if i in self.places and i + 1 in self.places]


class Choice:
    """Handlers, which of them dispatch by themselves, and which one stands in front of which."""

    def __init__(self, kept):
        self.kept = kept
        self.handlers, self.own, self.front = {}, set(), {}
        self.used = 0
        self.gains = []

    def best(self, its):
        """(cycles, handler)"""
        found = [(body(handler)[0] + (OWN if handler in self.own else SHARED), handler)
                 for handler in serving(its) if handler in self.handlers]
        return min([*found, (any_cycles(its, self.kept), None)], key=lambda pair: pair[0])

    def falls(self, guest):
        """For each two handlers that follow each other: how often the second one is come to through dispatch."""
        fallen, handler_of = Counter(), {}
        for its in guest.kinds:
            handler_of[its] = self.best(its)[1]
        for i, j, count in guest.follows:
            (first, there), second = guest.places[i], guest.places[j][0]
            first, second = handler_of[first], handler_of[second]
            if first is None or second is None or not can_fall(first, second):
                continue
            free = max(0.0, count * (1 - fallen[i] / there))
            if self.front.get(second) == first:
                fallen[j] += free
            yield first, second, free

    def cycles(self, guest):
        saved = sum(count * ((OWN if first in self.own else SHARED) - FALLING)
                    for first, second, count in self.falls(guest) if self.front.get(second) == first)
        return guest.other + sum(count * self.best(its)[0] for its, count in guest.kinds.items()) - saved


def choose(guests, budget, kept):
    """The Choice that `guests`, [(Guest, weight)], teach, for so many bytes."""
    choice, weights, served = Choice(kept), Counter(), defaultdict(list)
    for guest, weight in guests:
        for its, count in guest.kinds.items():
            weights[its] += weight * count
    for its in weights:
        for handler in serving(its):
            if macro(handler) is not None:
                served[handler].append(its)
    now = {its: any_cycles(its, kept) for its in weights}
    by = {}
    while True:
        options = []
        for handler, kinds in served.items():
            cycles, size = body(handler)
            size += KEY_AND_END_BYTES
            if handler not in choice.handlers:
                gain = sum(weights[its] * max(0, now[its] - cycles - SHARED) for its in kinds)
                options.append((gain / size, gain, size, "handler", handler))
            elif handler not in choice.own:
                gain = sum(weights[its] for its in kinds if by.get(its) == handler)
                options.append((gain / OWN_BYTES, gain, OWN_BYTES, "own", handler))
        pairs = Counter()
        for guest, weight in guests:
            for first, second, count in choice.falls(guest):
                if second not in choice.front:
                    pairs[first, second] += weight * count * (SHARED - FALLING)
        for (first, second), gain in pairs.items():
            size = body(first)[1] + KEY_AND_END_BYTES
            options.append((gain / size, gain, size, "front", (first, second)))
        options = [option for option in options if option[1] > 1e-9]
        if not options:
            break
        _, gain, size, what, its = max(options)
        if choice.used + size > budget:
            break
        choice.used += size
        choice.gains.append((gain, what, its))
        if what == "handler":
            choice.handlers[its] = gain
            for served_kind in served[its]:
                if body(its)[0] + SHARED < now[served_kind]:
                    now[served_kind], by[served_kind] = body(its)[0] + SHARED, its
        elif what == "own":
            choice.own.add(its)
        else:
            choice.front[its[1]] = its[0]
    return choice


def text(choice, command):
    """The handlers for the assembler: a macro for each group."""
    lines = [f"@ Made by {command} from what workloads and drivers consist of.", ""]
    at, last = 0, {}
    for group in GROUPS:
        lines.append(f"    .macro  chosen_{group}")
        its = [handler for handler in choice.handlers if handler[0] == group]
        for handler in sorted(its, key=lambda h: (h[3] == "w", -choice.handlers[h])):
            front = choice.front.get(handler)
            size = body(handler)[1] + KEY_AND_END_BYTES + (OWN_BYTES if handler in choice.own else 0)
            size += body(front)[1] + KEY_AND_END_BYTES if front else 0
            for need in {needs(handler), needs(front) if front else None} - {None}:
                if need not in last or at + size - last[need] > REACH:
                    lines.append(f"    {WAYS[need][0]}")
                    at += WAYS[need][1]
                    last[need] = at
            if handler in choice.own:
                lines.append("    own")
            if front:
                lines.append(f"    behind  {label(front)}, {macro(front)}")
            name, _, operands = macro(handler).partition(" ")
            lines.append(f"    {name:7} {operands}")
            at += size
        lines += ["    .endm", ""]
        at += 30  # the one for any registers
    return "\n".join(lines)


def workload(limpet, folder, name, place):
    path = folder / "rv32ec-O2" / f"{name}.elf"
    command = [limpet, "run", path, "--isa", "rv32ec", "--args", "1", "--memory", "0:0x2000", "--trace"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    addresses = [int(found, 16) for found in re.findall(r"^([0-9a-f]{8}):", done.stderr, re.M)]
    program = corpus.read(limpet, path, name)
    command = [limpet, "disasm", path, "--isa", "rv32ec"]
    listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    numbers = {int(found, 16): i for i, found in enumerate(re.findall(r"^([0-9a-f]{8}): [0-9a-f]+ ", listing, re.M))}
    run = [numbers[address] for address in addresses]
    followed = Counter(a for a, b in zip(run, run[1:]) if b == a + 1)
    return Guest(name, name, program.instructions, Counter(run), followed, place)


def driver_guest(driver, place):
    """All instructions count alike; of branches, half are taken."""
    counts = Counter(range(len(driver.instructions)))
    followed = {i: 0.5 if instruction.name in corpus.BRANCHES else 1.0
                for i, instruction in enumerate(driver.instructions) if instruction.name not in ("jal", "jalr")}
    return Guest(driver.name, driver.family, driver.instructions, counts, followed, place)


def report(teachers, workloads, drivers, budget, kept):
    choice = choose(teachers, budget, kept)
    only_drivers = choose([(guest, weight) for guest, weight in teachers if guest in drivers], budget, kept)
    for what, of in (("all", lambda guest: choice),
                     ("without", lambda guest: choose([t for t in teachers if t[0] is not guest], budget, kept)),
                     ("drivers", lambda guest: only_drivers)):
        cycles = [of(guest).cycles(guest) for guest in workloads]
        print(f"{what:8}" + " ".join(f"{g.name} {c:.1f}" for g, c in zip(workloads, cycles)) +
              f"  mean {geometric_mean(cycles):.2f}")
    families = {}
    for family in {guest.family for guest in drivers}:
        others = choose([t for t in teachers if t[0].family != family], budget, kept)
        families |= {guest.name: others.cycles(guest) for guest in drivers if guest.family == family}
    known = geometric_mean([choice.cycles(guest) for guest in drivers])
    print(f"drivers: known {known:.2f}, family left out {geometric_mean(list(families.values())):.2f}")
    return choice


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limpet", type=Path, required=True)
    parser.add_argument("--guests", type=Path, required=True, help="where guests of the firmware build are")
    parser.add_argument("--bytes", type=int, default=2050)
    parser.add_argument("--kept", type=int, default=3, help="registers that stay in the machine, from x15 down")
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    limpet = options.limpet.resolve()
    kept = {15 - i: "PQR"[i] for i in range(options.kept)}
    workloads = [workload(limpet, options.guests, name, lambda r: kept.get(r, "M")) for name in GEOMEAN_WORKLOADS]
    with tempfile.TemporaryDirectory() as scratch:
        programs, _ = corpus.build(limpet, Path(scratch), "source")
    drivers = [driver_guest(program, lambda r: kept.get(r, "M")) for program in programs]
    teachers = [(guest, 1.0) for guest in workloads] + [(guest, WEIGHT_OF_DRIVERS / len(drivers)) for guest in drivers]
    choice = report(teachers, workloads, drivers, options.bytes, options.kept)
    print(f"{len(choice.handlers)} handlers, {len(choice.own)} with a dispatch of their own, {len(choice.front)} in "
          f"front of others, {choice.used} bytes; hundredths of a cycle that each saves, summed over teachers:")
    for gain, what, its in choice.gains:
        text_of = f"{macro(its[0])} / {macro(its[1])}" if what == "front" else macro(its)
        print(f"{100 * gain:7.1f}  {what:8}{text_of}")
    if options.write:
        options.write.write_text(text(choice, f"bench/handlers.py --kept {options.kept} --bytes {options.bytes}"))


if __name__ == "__main__":
    main()
