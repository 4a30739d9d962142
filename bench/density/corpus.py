"""Guests as lists of instructions: what `limpet disasm` says, with 16-bit forms written as what they abbreviate."""

import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
DRIVERS = ROOT / "firmware/drivers"
sys.path.insert(0, str(DRIVERS))
import sizes

CALLS = ROOT / "firmware/sdk/klipper.calls"
REGISTERS = {name: i for i, name in enumerate("zero ra sp gp tp t0 t1 t2 s0 s1 a0 a1 a2 a3 a4 a5".split())}
SCALES = {"lh": 1, "lhu": 1, "lw": 2, "sh": 1, "sw": 2}
BRANCHES = {"beq", "bne", "blt", "bge", "bltu", "bgeu"}
COMMUTATIVE = {"add", "xor", "or", "and"}
# How `limpet disasm` orders operands (registers r, immediate i) of a 16-bit form -> (name, its operands).
SHORT = {
    "nop": lambda o: ("addi", [0, 0, 0]), "li": lambda o: ("addi", [o[0], 0, o[1]]),
    "addi": lambda o: ("addi", [o[0], o[0], o[1]]), "addi16sp": lambda o: ("addi", [2, 2, o[-1]]),
    "addi4spn": lambda o: ("addi", [o[0], 2, o[-1]]), "mv": lambda o: ("addi", [o[0], o[1], 0]),
    "j": lambda o: ("jal", [0, o[0]]), "jal": lambda o: ("jal", [1, o[0]]),
    "jr": lambda o: ("jalr", [0, 0, o[0]]), "jalr": lambda o: ("jalr", [1, 0, o[0]]),
    "beqz": lambda o: ("beq", [o[0], 0, o[1]]), "bnez": lambda o: ("bne", [o[0], 0, o[1]]),
    "lwsp": lambda o: ("lw", o), "swsp": lambda o: ("sw", o),
} | {name: lambda o, name=name: (name, [o[0], *o]) for name in "slli srli srai andi sub xor or and add".split()}


@dataclass
class Instruction:
    name: str
    registers: tuple  # rd, rs1, rs2; of stores rs2, rs1; of branches rs1, rs2
    immediate: int = None  # divided by the size of the access, where that leaves no rest
    target: int = None  # of a branch or jump: which instruction of the program
    joins: bool = False  # may something jump here? Then no code may cover this one and the one before it.

    @property
    def same(self):
        return self.name, self.registers, self.immediate, self.target


@dataclass
class Program:
    name: str
    family: str  # those that share a source file or a header of their own
    weight: float
    bytes: int
    instructions: list = field(default_factory=list)


def _instruction(name, operands):
    """(Instruction, address of its target or None)"""
    if name.startswith("c."):
        name, operands = SHORT.get(name[2:], lambda o: (name[2:], o))(operands)
    if name == "limpet.call":
        return Instruction(name, (), 0), None  # ids are patched: a code must not know one
    if name in BRANCHES:
        return Instruction(name, tuple(operands[:2])), operands[2]
    if name == "jal":
        return Instruction(name, (operands[0],)), operands[1]
    if name in ("lui", "auipc"):
        return Instruction(name, (operands[0],), (operands[1] ^ 0x80000) - 0x80000), None
    if name in ("lb", "lbu", "lh", "lhu", "lw", "sb", "sh", "sw", "jalr"):
        immediate, scale = operands[1], SCALES.get(name, 0)
        if immediate % (1 << scale) != 0:
            return Instruction(name + ".unscaled", (operands[0], operands[2]), immediate), None
        return Instruction(name, (operands[0], operands[2]), immediate >> scale), None
    if name.endswith("i") or name == "sltiu":
        return Instruction(name, tuple(operands[:2]), operands[2]), None
    if len(operands) == 3:
        if name == "add" and operands[1] == 0:
            return Instruction("addi", (operands[0], operands[2]), 0), None
        if name in COMMUTATIVE and operands[2] == operands[0]:
            operands = [operands[0], operands[2], operands[1]]
        return Instruction(name, tuple(operands)), None
    return Instruction(name, ()), None


def read(limpet, file, family, weight=1.0):
    command = [limpet, "disasm", file, *["--isa", "rv32ec"] * (file.suffix == ".elf")]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    program, addresses, targets, labels = Program(file.stem, family, weight, 0), {}, [], set()
    label = False
    for line in text.splitlines():
        found = re.match(r"([0-9a-f]{8}): ([0-9a-f]+) +(\S+) *(.*)", line)
        if not found:
            label |= line.endswith(":")
            continue
        operands = [REGISTERS[word] if word in REGISTERS else int(word, 16)
                    for word in re.findall(r"-?0x[0-9a-f]+|\w+", re.sub(r"<.*", "", found[4]))]
        instruction, target = _instruction(found[3], operands)
        address = int(found[1], 16)
        if label:
            labels.add(address)
        label = False
        program.bytes += len(found[2]) // 2
        addresses[address] = len(program.instructions)
        targets.append(target)
        program.instructions.append(instruction)
    previous = None
    for address, i in addresses.items():
        instruction = program.instructions[i]
        if targets[i] is not None:
            instruction.target = addresses[targets[i]]
        # A call comes back behind it.
        instruction.joins = address in targets or address in labels or i == 0 or previous.name in ("jal", "jalr")
        previous = instruction
    return program


def _families(by):
    """{driver: (source, definitions, family)}; a family is named for the last header that it
    shares, or (by source) for the file that the driver is in."""
    lines = re.findall(r"^limpet_driver\((\S+) (\S+)((?: \S+)*)\)$", (DRIVERS / "images.cmake").read_text(), re.M)
    result = {}
    for name, source, definitions in lines:
        included = [DRIVERS / source]
        for path in included:
            for other in re.findall(r'^#include "(?!limpet_)(\S+)"', path.read_text(), re.M):
                included.append((path.parent / other).resolve())
        sources = [path.stem for path in included if path.suffix == ".c"]
        headers = [path.stem for path in included if path.suffix == ".h"]
        family = headers[-1] if headers and by == "family" else sources[-1]
        result[name] = DRIVERS / source, definitions.split(), family
    return result


def build(limpet, scratch, by):
    """([the drivers at -Os], [what only teaches: the same by other compilers, and other guests])."""
    def image(source, name, *options):
        out = scratch / f"{name}.limpet"
        command = [limpet, "build", source, "-o", out, "--isa", "rv32ec", "--imports", CALLS, *options]
        subprocess.run(command, check=True)
        return out

    drivers, others = [], []
    for name, (source, definitions, family) in _families(by).items():
        drivers.append(read(limpet, image(source, name, *definitions), family))
        others += [read(limpet, image(source, f"{name}-O2", "-O2", *definitions), family, 0.15),
                   read(limpet, image(source, f"{name}-clang", "--cc", "clang", *definitions), family, 0.15)]
    for source in sorted((Path(__file__).parent / "training").glob("*.c")):
        others.append(read(limpet, image(source, source.stem), f"training-{source.stem}", 0.5))
    for source in sorted((ROOT / "bench/workloads").glob("*.c")):
        if re.search(rf"^uint32_t {source.stem}\(uint32_t seed\) {{", source.read_text(), re.M):
            out = scratch / f"{source.stem}.elf"
            subprocess.run([*sizes.RV32EC, "-nostdlib", "-T", CALLS.parent / "guest.ld", "-Wl,-e,limpet_code_start",
                            source, "-lgcc", "-o", out], check=True)
            others.append(read(limpet, out, f"workload-{source.stem}", 0.5))
    return drivers, others


def native_bytes(limpet, scratch, drivers):
    """{name: bytes} as Thumb, as firmware/drivers/sizes.py has them."""
    compiled = sizes.Sizes(limpet, scratch, scratch)
    return {driver.name: compiled.thumb(driver.name) for driver in drivers}
