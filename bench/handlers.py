#!/usr/bin/python3
"""Which handlers is rv32-threaded worth having? For each kind of instruction and each combination of registers: how
often it runs, the cycles that a handler of its own saves, and the bytes that it takes. Likewise a copy of a handler in
front of another one, so that one falls into the other, and a handler with a dispatch of its own. Chosen greedily by
the share of cycles saved per byte, until more than a budget is used up; then what is worth least per byte is taken away
again, one by one, down to the budget.

    bench/handlers.py --limpet build/host/tools/limpet --guests build/m0plus/firmware/guests [--bytes 1760]
                      [--kept 3] [--write variants/rv32/threaded/fast.inc]

Teachers are the workloads, by what they execute, and the drivers of firmware/drivers, by what they consist of. The
first line has cycles per instruction of each workload with the handlers that all of them taught; the second one has
each with the handlers that were chosen without it, the third one those that only drivers taught; the last one the
drivers, each family with the handlers that were chosen without it, every instruction counting alike. Cycles and bytes
are those of the macros in variants/rv32/threaded, by the table of ARM DDI0484C (handler_costs.py); an instruction
without a handler of its own goes by the one for any registers. --write puts the handlers down for the assembler.
"""

import argparse
import heapq
import math
import re
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent / "density"))
import corpus
from handler_costs import FALLING, OWN, OWN_BYTES, SHARED
from handler_costs import any_cycles, body, can_fall, kind, label, macro, needs, serving, size_of
from measuring import GEOMEAN_WORKLOADS, geometric_mean

WEIGHT_OF_DRIVERS = 2  # all drivers together, as so many workloads
GROWN = 1.35  # times the budget is chosen at first
OTHER_CYCLES = 17  # of what never has handlers to choose: jumps, sp
HOST_CALL_CYCLES = 100
# What a handler jumps to when it cannot go on: a conditional branch reaches 256 bytes.
REACH = 200
WAYS = {"bad": ("way_out", 2), "sp": ("sp_out", 2), "jump": ("jumps", 24)}
# Groups of handlers, in the order of handlers.inc.
GROUPS = ["lw", "lwsp", "lbu", "lhu", "swsp", "sb", "sh", "sw",
          "beq", "bne", "beqz", "bnez", "blt", "bge", "bltu", "bgeu",
          "add", "sll", "xor", "srl", "or", "and", "sub", "sra", "mv",
          "addi", "slli", "xori", "srli", "ori", "andi", "li", "srai", "constant"]


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

    def parts(self):
        """What may be taken away: [(what, its)]."""
        return [(what, its) for what, of in (("handler", self.handlers), ("own", self.own), ("front", self.front))
                for its in of]

    def without(self, what, its):
        """A Choice that lacks a part, and with a handler what depends on it."""
        less = Choice(self.kept)
        gone = its if what == "handler" else None
        less.handlers = {handler: gain for handler, gain in self.handlers.items() if handler != gone}
        less.own = {handler for handler in self.own if handler != gone and (what, handler) != ("own", its)}
        less.front = {second: first for second, first in self.front.items()
                      if gone not in (first, second) and (what, second) != ("front", its)}
        less.used = (sum(size_of(handler) for handler in less.handlers) + OWN_BYTES * len(less.own) +
                     sum(size_of(first) for first in less.front.values()))
        left = set(less.parts())
        less.gains = [entry for entry in self.gains
                      if (entry[1], entry[2][1] if entry[1] == "front" else entry[2]) in left]
        return less

    def worth(self, guests):
        """The less the better: what the geometric mean of cycles is made of."""
        return sum(weight * math.log(self.cycles(guest)) for guest, weight in guests)

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
    first = grow(guests, GROWN * budget, kept)
    return prune(grow([(guest, weight / first.cycles(guest)) for guest, weight in guests], GROWN * budget, kept),
                 guests, budget)


def prune(choice, guests, budget):
    """Takes parts away until the rest fits. What a part is worth only grows while others go."""
    parts = [(0.0, -1, what, its) for what, its in choice.parts()]
    heapq.heapify(parts)
    step = 0
    while choice.used > budget:
        _, seen, what, its = heapq.heappop(parts)
        if (what, its) not in choice.parts():
            continue
        less = choice.without(what, its)
        if seen == step:
            choice, step = less, step + 1
        else:
            loss = (less.worth(guests) - choice.worth(guests)) / (choice.used - less.used)
            heapq.heappush(parts, (loss, step, what, its))
    return choice


def grow(guests, budget, kept):
    """What saves most per byte, until so many bytes are used."""
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
            cycles, size = body(handler)[0], size_of(handler)
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
            size = size_of(first)
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
            size = size_of(handler) + (OWN_BYTES if handler in choice.own else 0) + (size_of(front) if front else 0)
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
    parser.add_argument("--bytes", type=int, default=1760)
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
          f"front of others, {choice.used} bytes; percent of the cycles that each saved, summed over teachers:")
    for gain, what, its in choice.gains:
        text_of = f"{macro(its[0])} / {macro(its[1])}" if what == "front" else macro(its)
        print(f"{100 * gain:7.1f}  {what:8}{text_of}")
    if options.write:
        options.write.write_text(text(choice, f"bench/handlers.py --kept {options.kept} --bytes {options.bytes}"))


if __name__ == "__main__":
    main()
