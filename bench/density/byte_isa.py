"""An instruction set of bytes that is learned: each of its opcodes stands for one or several instructions, some of
whose operands it fixes; the others follow as a string of bits, filled up to whole bytes.

A component describes one instruction: (name, modes of its registers, mode of its immediate). A code is a tuple of
components. Modes of registers: a number (fixed), "4" (4 bits: any), "3" (3 bits: x8..x15), "same" (the one before in
this instruction), "last" (the first register of the instruction before). Modes of immediates: None, ("fixed", value),
("u", bits), ("s", bits: signed). What no code stands for is written by one of four escapes, the name in a byte.
"""

import collections
import heapq
import itertools

REGISTER_BITS = {"4": 4, "3": 3, "same": 0, "last": 0}
ESCAPE_BITS = (0, 8, 16, 32)  # of their immediates
WIDTHS = {1: 40, 2: 16, 3: 8, 4: 8}  # how many bits of operands codes of so many instructions may have
RELATIVE = {"beq", "bne", "blt", "bge", "bltu", "bgeu", "jal"}
ROUNDS = 12
# What the rows of rv32-dense have no room for, or what is not worth one.
FIXED_BITS, OPERAND_BITS = 12, 20
ESCAPED = {"auipc", "fence", "ecall", "ebreak", "c.ebreak", "<unknown>"}
SCALES = {"lh": 1, "lhu": 1, "lw": 2, "sh": 1, "sw": 2}  # of immediates, but not in escapes


def bits_of(component):
    _, registers, immediate = component
    return (sum(REGISTER_BITS.get(mode, 0) for mode in registers) +
            (immediate[1] if immediate and immediate[0] != "fixed" else 0))


def cost(code):
    return 1 + (sum(map(bits_of, code)) + 7) // 8


def has_row(component):
    name, registers, immediate = component
    if name in ESCAPED or "unscaled" in name or (len(registers) == 3 and registers[2] == "3"):
        return False
    if immediate and immediate[0] == "fixed":
        return fits(("s", FIXED_BITS), immediate[1])
    return not immediate or immediate[1] <= OPERAND_BITS


def fits(mode, value):
    kind, bits = mode
    if kind == "fixed":
        return value == bits
    return 0 <= value < 1 << bits if kind == "u" else -(1 << bits - 1) <= value < 1 << bits - 1


class Text:
    """A program and what is assumed of its distances: bytes to the target from the end of the code that the jump is
    in."""

    def __init__(self, program):
        self.program, self.instructions = program, program.instructions
        # Any start will do: encode() makes it true.
        self.distances = [None if i.target is None else (i.target - at) * 2
                          for at, i in enumerate(self.instructions)]

    def number(self, at):
        distance = self.distances[at]
        return self.instructions[at].immediate if distance is None else distance

    def escape(self, at):
        """(bits of its immediate, bytes)"""
        instruction, number = self.instructions[at], self.number(at)
        bits = 0
        if number is not None:
            number <<= SCALES.get(instruction.name, 0)
            bits = next(b for b in ESCAPE_BITS[1:] if instruction.name == "limpet.call" or fits(("s", b), number))
        return bits, 2 + (4 * max(2, len(instruction.registers)) + bits + 7) // 8

    def matches(self, code, at):
        for place, (name, registers, immediate) in enumerate(code, at):
            if place >= len(self.instructions):
                return False
            found = self.instructions[place]
            if found.name != name or (place > at and found.joins):
                return False
            for n, (mode, register) in enumerate(zip(registers, found.registers)):
                if not (mode == register or mode == "4" or (mode == "3" and register >= 8) or
                        (mode == "same" and register == found.registers[n - 1]) or
                        (mode == "last" and register == self.instructions[place - 1].registers[0])):
                    return False
            if immediate and name != "limpet.call" and not fits(immediate, self.number(place)):
                return False
        return True

    def components(self, at, first, widths):
        """Each that could describe the instruction."""
        found, number = self.instructions[at], self.number(at)
        before = () if first else self.instructions[at - 1].registers[:1]
        choices = [[register, "4"] + ["3"] * (first and register >= 8) +
                   ["same"] * (n > 0 and register == found.registers[n - 1]) + ["last"] * ((register,) == before)
                   for n, register in enumerate(found.registers)]
        for registers in itertools.product(*choices):
            taken = sum(REGISTER_BITS.get(mode, 0) for mode in registers)
            if found.name == "limpet.call":
                yield found.name, registers, ("u", 8)
            elif number is None:
                yield found.name, registers, None
            else:
                if self.distances[at] is None and fits(("s", 15), number):
                    yield found.name, registers, ("fixed", number)
                for bits in widths(taken):
                    for mode in (("u", bits), ("s", bits)):
                        if fits(mode, number):
                            yield found.name, registers, mode

    def codes(self, at, length, cache):
        """Each code of so many instructions that could stand here, in whole bytes of operands."""
        if at + length > len(self.instructions) or any(i.joins for i in self.instructions[at + 1:at + length]):
            return
        if length == 1:
            def fill_up(taken):
                return [bits - taken for bits in (8, 16, 24) if 1 < bits - taken <= 20]
            for component in self.components(at, True, fill_up):
                yield (component,)
            return

        def grow(code, bits):
            if len(code) == length:
                if bits % 8 == 0:
                    yield code
                return
            place = at + len(code), not code
            if place not in cache:
                cache[place] = [(bits_of(c), c) for c in self.components(*place, lambda taken: (4, 8))]
            for more, component in cache[place]:
                if bits + more <= WIDTHS[length]:
                    yield from grow((*code, component), bits + more)
        yield from grow((), 0)


class Candidates:
    """Every code that some program could use, with where."""

    def __init__(self, programs, length_max):
        self.texts = [Text(program) for program in programs]
        self.where = collections.defaultdict(list)
        for number, text in enumerate(self.texts):
            cache = {}
            for at in range(len(text.instructions)):
                for length in range(1, length_max + 1):
                    for code in text.codes(at, length, cache):
                        self.where[code].append((number, at))
        # What one program alone has is not worth a code.
        self.where = {code: places for code, places in self.where.items()
                      if len({number for number, _ in places}) > 1 and all(map(has_row, code))}

    def without(self, family):
        """{code: places} where at least two other families have it."""
        families = [text.program.family for text in self.texts]
        result = {}
        for code, places in self.where.items():
            rest = [(number, at) for number, at in places if families[number] != family]
            if len({families[number] for number, _ in rest}) > 1:
                result[code] = rest
        return result


def choose(candidates, family, codes_max, row_price, rounds=3):
    """The codes for all programs but a family: always the one that saves most, given those before it; then those that
    are not used after all make room. row_price: bytes that a component that no other code has must save."""
    where, texts = candidates.without(family), candidates.texts
    weights = [text.program.weight for text in texts]
    chosen = []
    for last in range(rounds):
        costs = [[float(text.escape(at)[1]) for at in range(len(text.instructions))] for text in texts]
        rows = set()

        def savings(code, apply=False):
            length, total, behind = len(code), 0, (-1, -1)
            price = cost(code)
            for number, at in where[code]:
                if (number, at) < behind:
                    continue
                row = costs[number]
                saved = sum(row[at:at + length]) - price
                if saved > 0:
                    total += saved * weights[number]
                    behind = number, at + length
                    if apply:
                        row[at:at + length] = [price / length] * length
            return total - row_price * len(set(code) - rows)

        def take(code):
            savings(code, apply=True)
            rows.update(code)

        for code in chosen:
            take(code)
        heap = [(-savings(code), n, code) for n, code in enumerate(where) if code not in set(chosen)]
        heapq.heapify(heap)
        while len(chosen) < codes_max and heap:
            _, n, code = heapq.heappop(heap)
            now = -savings(code)
            if heap and now > heap[0][0]:
                if now < 0:
                    heapq.heappush(heap, (now, n, code))
                continue
            if now > -0.5:
                break
            take(code)
            chosen.append(code)
        if last == rounds - 1:
            return chosen
        uses = collections.Counter()
        for text in texts:
            if text.program.family != family:
                uses.update(code for code in Encoding(text.program, chosen).codes if code)
        chosen = [code for code in chosen if uses[code] > 1]


class Encoding:
    """A program in the fewest bytes that codes allow: `codes` (None: an escape) one after the other, `code_bytes`."""

    def __init__(self, program, codes):
        self.text, self.ordered = Text(program), list(codes)
        by_name = collections.defaultdict(list)
        for code in codes:
            by_name[code[0][0]].append((cost(code), code))
        for round_ in range(ROUNDS):
            self._split(by_name)
            true = self._distances()
            held = [a is None or (abs(a) <= abs(b) and (a < 0) == (b < 0)) for a, b in zip(true, self.text.distances)]
            if all(held):
                break
            # Smaller than assumed does no harm, and what only grows comes to an end.
            self.text.distances = [a if round_ < ROUNDS // 2 or not ok else b
                                   for a, b, ok in zip(true, self.text.distances, held)]
        else:
            raise RuntimeError(f"{program.name}: distances do not settle")
        self.text.distances = true

    def _split(self, by_name):
        text = self.text
        count = len(text.instructions)
        best, pick = [0] * (count + 1), [None] * count
        for at in reversed(range(count)):
            best[at] = text.escape(at)[1] + best[at + 1]
            for price, code in by_name[text.instructions[at].name]:
                if at + len(code) <= count and price + best[at + len(code)] < best[at] and text.matches(code, at):
                    best[at], pick[at] = price + best[at + len(code)], code
        self.code_bytes, self.codes, at = best[0], [], 0
        while at < count:
            self.codes.append(pick[at])
            at += len(pick[at]) if pick[at] else 1

    def pieces(self):
        """(first instruction, its code, start, end)"""
        at = start = 0
        for code in self.codes:
            end = start + (cost(code) if code else self.text.escape(at)[1])
            yield at, code, start, end
            at, start = at + (len(code) if code else 1), end

    def _distances(self):
        starts, ends = {}, {}
        for at, code, start, end in self.pieces():
            starts[at] = start
            ends[at] = end
            for n in range(len(code) if code else 0):
                ends[at + n] = end
        return [None if i.target is None else starts[i.target] - ends[at]
                for at, i in enumerate(self.text.instructions)]

    def write(self):
        out = bytearray()
        names = sorted({i.name for i in self.text.instructions})
        for at, code, _, _ in self.pieces():
            if code:
                first, string = self.ordered.index(code) + len(ESCAPE_BITS), code
            else:
                bits = self.text.escape(at)[0]
                first, string = ESCAPE_BITS.index(bits), [_escaped(self.text.instructions[at], bits)]
            out.append(first)
            if not code:
                out.append(names.index(self.text.instructions[at].name))
            value = length = 0
            for place, (_, registers, immediate) in enumerate(string, at):
                found = self.text.instructions[place]
                fields = [(register, REGISTER_BITS.get(mode, 0)) for mode, register in
                          itertools.zip_longest(registers, found.registers, fillvalue=0)]
                if immediate and immediate[0] != "fixed":
                    fields.append((self.text.number(place), immediate[1]))
                for number, bits in fields:
                    value |= (number & (1 << bits) - 1) << length
                    length += bits
            out += value.to_bytes((length + 7) // 8, "little")
        return bytes(out), names

    def check(self):
        """Reads back what was written: it has to be the program, and nothing but bytes may tell."""
        data, names = self.write()
        assert len(data) == self.code_bytes
        found = read(data, names, self.ordered)
        assert found == [i.same for i in self.text.instructions], self.text.program.name


def _escaped(instruction, bits):
    return instruction.name, ("4",) * max(2, len(instruction.registers)), ("s", bits) if bits else None


REGISTER_COUNTS = {name: 2 for name in (
    "addi slti sltiu xori ori andi slli srli srai lb lbu lh lhu lw sb sh sw jalr lh.unscaled lhu.unscaled lw.unscaled "
    "sh.unscaled sw.unscaled beq bne blt bge bltu bgeu").split()} | {
    name: 3 for name in "add sub sll slt sltu xor srl sra or and".split()} | {"jal": 1, "lui": 1, "auipc": 1}


def read(data, names, codes):
    """The instructions that bytes stand for, as Instruction.same has them."""
    found, starts, position = [], {}, 0
    while position < len(data):
        starts[position] = len(found)
        opcode = data[position]
        position += 1
        if opcode < len(ESCAPE_BITS):
            name = names[data[position]]
            position += 1
            bits = ESCAPE_BITS[opcode]
            code = [(name, ("4",) * max(2, REGISTER_COUNTS.get(name, 0)), ("s", bits) if bits else None)]
        else:
            code = codes[opcode - len(ESCAPE_BITS)]
        length = cost(code) - 1
        string = int.from_bytes(data[position:position + length], "little")
        position += length

        def take(count):
            nonlocal string
            value, string = string & (1 << count) - 1, string >> count
            return value

        for n, (name, modes, mode) in enumerate(code):
            registers = []
            for register in modes:
                if register == "same":
                    registers.append(registers[-1])
                elif register == "last":
                    registers.append(found[-1][1][0])
                elif register in REGISTER_BITS:
                    field = take(REGISTER_BITS[register])
                    # x8..x15 as the low three bits of their numbers
                    registers.append(field + 8 if register == "3" else field)
                else:
                    registers.append(register)
            number = None
            if mode:
                number = mode[1]
                if mode[0] != "fixed":
                    number = take(mode[1])
                    number -= (1 << mode[1]) if mode[0] == "s" and number >> mode[1] - 1 else 0
            if name in RELATIVE:
                number += position
            found.append([name, tuple(registers[:REGISTER_COUNTS.get(name, 0)]), number])
    return [(name, registers, None, starts[number]) if name in RELATIVE else (name, registers, number, None)
            for name, registers, number in found]
