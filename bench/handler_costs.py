"""What handlers of rv32-threaded cost: the kinds of instructions by their registers, the macros in
variants/rv32/threaded that are for them, and cycles and bytes of these."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "density"))
import corpus

SHARED, OWN, FALLING = 7, 6, 2  # cycles of the ways to the next record
OWN_BYTES = 6  # more than `b dispatch`
KEY_AND_END_BYTES = 4

# RISC-V: Thumb, in handlers of two registers (or two and a result), and of one and an immediate
ALU = {"add": "adds", "xor": "eors", "or": "orrs", "and": "ands", "sub": "subs"}
IMMEDIATE = {"addi": "adds", "slli": "lsls", "xori": "eors", "srli": "lsrs", "ori": "orrs", "andi": "ands",
             "srai": "asrs"}
LOADS = {"lw": "ldr, 30", "lbu": "ldrb, 0", "lhu": "ldrh, 31"}
STORES = {"sb": "strb, 0", "sh": "strh, 31", "sw": "str, 30"}
BRANCHES = {"beq": "eq", "bne": "ne", "blt": "lt", "bge": "ge", "bltu": "lo", "bgeu": "hs"}
NEAR_SP = {"lwsp", "swsp"}


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
    if name == "lui" and -2048 <= i.immediate < 2048:
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


# Cycles of the handlers for any registers, but for how often each register that is kept goes by, in 2 cycles
ANY_CYCLES = {"mv": (24, 2), "li": (22, 2), "constant": (23, 2), "lw": (35, 2), "lhu": (35, 2), "lh": (36, 2),
              "lbu": (33, 2), "lb": (34, 2), "sw": (37, 1), "sh": (37, 1), "sb": (35, 1), "lwsp": (29, 2), "swsp": (29, 1),
              "beqz": (19, 1), "bnez": (19, 1)}
ANY_CYCLES |= {name: (28, 1) for name in BRANCHES}
ANY_CYCLES_BY_R = {"sll": (28, 2), "srl": (28, 2), "sra": (28, 2), "slt": (34, 2), "sltu": (28, 2), "slti": (36, 2),
                   "sltiu": (30, 2)}
ANY_CYCLES_BY_R |= {name: (26, 2) for name in ALU} | {name: (28, 2) for name in IMMEDIATE}


def any_cycles(its, kept):
    """Cycles of the handler for any registers, of which so many are kept; where a branch is not taken."""
    cycles, times = (ANY_CYCLES | ANY_CYCLES_BY_R)[its[0]]
    by_way_of_stack = 4 if kept == 3 and its[0] in ANY_CYCLES else 0
    return cycles + 2 * times * kept + by_way_of_stack


def macro(its):
    """The handler as the macros have it; None: it has none."""
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
    """The name that its macro gives the handler."""
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


def size_of(handler):
    return body(handler)[1] + KEY_AND_END_BYTES
