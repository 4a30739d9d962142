"""Two other encodings of the same instructions, far enough for their bytes: echoes, and Huffman codes for fields."""

import collections
import heapq
import math

import byte_isa

ECHO_BYTES = 3  # opcode, how far back, how many codes


def with_echoes(encoding):
    """Bytes when codes that stand twice in a program are an echo of the first time: Fraser's echo instruction. What
    jumps relative to itself cannot be echoed, and nothing may jump into an echo."""
    pieces = []  # (what it is, bytes, may something jump to it?)
    for at, code, start, end in encoding.pieces():
        covered = encoding.text.instructions[at:at + (len(code) if code else 1)]
        fixed = any(i.name in byte_isa.RELATIVE or i.name == "jalr" for i in covered)
        pieces.append((at if fixed else tuple((i.name, i.registers, i.immediate) for i in covered), end - start,
                       covered[0].joins))
    total, at = 0, 0
    while at < len(pieces):
        best = 0, 1
        for before in range(at):
            length = size = 0
            while (before + length < at and at + length < len(pieces) and
                   pieces[before + length][0] == pieces[at + length][0] and not (length and pieces[at + length][2])):
                size += pieces[at + length][1]
                length += 1
            best = max(best, (size - ECHO_BYTES, length))
        saved, length = best
        total += ECHO_BYTES if saved > 0 else pieces[at][1]
        at += length if saved > 0 else 1
    return total


def _lengths(counts):
    """{symbol: bits} of a Huffman code."""
    if len(counts) == 1:
        return {symbol: 0 for symbol in counts}
    heap = [(count, n, (symbol,)) for n, (symbol, count) in enumerate(counts.items())]
    heapq.heapify(heap)
    lengths, n = collections.Counter(), len(heap)
    while len(heap) > 1:
        (a, _, left), (b, _, right) = heapq.heappop(heap), heapq.heappop(heap)
        lengths.update(left + right)
        heapq.heappush(heap, (a + b, n, left + right))
        n += 1
    return lengths


class FieldHuffman:
    """Each field in a Huffman code of its own: the name; each register, which depends on name and position; the
    immediate, which depends on the name. A field that is not in its code is an escape, then its bits; numbers that are
    rare are a class, then its bits. Jumps go to bits, not to bytes."""

    OTHER = "other"
    CLASSES = (4, 6, 8, 10, 12, 16, 21, 32)

    def __init__(self, programs):
        counts = collections.defaultdict(lambda: collections.Counter({self.OTHER: 0.5}))
        families = collections.defaultdict(set)
        for program in programs:
            for instruction in program.instructions:
                for context, symbol, _ in self._fields(instruction, None):
                    families[context, symbol].add(program.family)
        for program in programs:
            for instruction in program.instructions:
                for context, symbol, rough in self._fields(instruction, None):
                    if rough is not None and len(families[context, symbol]) < 2:
                        symbol = rough
                    counts[context][symbol] += program.weight
        self.codes = {context: _lengths(count) for context, count in counts.items()}
        # A canonical code: how many symbols of each length, then the symbols.
        self.table_bytes = sum(
            len(set(code.values())) + sum(2 if context[0] == "immediate" and isinstance(s, int) else 1 for s in code)
            for context, code in self.codes.items())

    def _class(self, number):
        return "class", next(bits for bits in self.CLASSES if byte_isa.fits(("s", bits), number))

    def _fields(self, instruction, distance):
        """(context, symbol, symbol of the class that it is in)"""
        name = instruction.name
        yield ("name",), name, None
        for n, register in enumerate(instruction.registers):
            yield ("register", name, n), register, None
        if instruction.target is not None:
            yield ("immediate", name), self._class(distance if distance is not None else 100), None
        elif instruction.immediate is not None and name != "limpet.call":
            yield ("immediate", name), instruction.immediate, self._class(instruction.immediate)

    def _bits(self, instruction, distance):
        total = 8 if instruction.name == "limpet.call" else 0
        for context, symbol, rough in self._fields(instruction, distance):
            code = self.codes.get(context, {self.OTHER: 0})
            if symbol in code:
                total += code[symbol] + (symbol[1] if isinstance(symbol, tuple) else 0)
            elif rough is not None and rough in code:
                total += code[rough] + rough[1]
            else:
                total += code[self.OTHER] + {"name": 6, "register": 4, "immediate": 32}[context[0]]
        return total

    def bytes(self, program):
        count = len(program.instructions)
        bits = [16] * count
        for _ in range(byte_isa.ROUNDS):
            starts = [0]
            for size in bits:
                starts.append(starts[-1] + size)
            bits = [self._bits(i, None if i.target is None else starts[i.target] - starts[at + 1])
                    for at, i in enumerate(program.instructions)]
        return math.ceil(sum(bits) / 8)
