#!/usr/bin/python3
"""Do the encodings of bench/density lose nothing? Their bytes are figures only if programs can be read back."""

import random
import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "density"))
import byte_isa
import other_designs
from corpus import Instruction, Program

SEED, LENGTH = 1, 120


def program(family):
    """Half of it is alike in all families. Distances are short and long, to either side."""
    choose = random.Random(family)
    common = random.Random(SEED)
    instructions = []
    for at in range(LENGTH):
        dice = common if at % 20 < 10 else choose
        kind = dice.randrange(6)
        registers = dice.randrange(16), dice.randrange(16), dice.randrange(16)
        instructions.append([
            lambda: Instruction("addi", registers[:2], dice.choice((0, 1, -1, 100, -2048))),
            lambda: Instruction("add", registers),
            lambda: Instruction("lw", registers[:2], dice.choice((0, 3, 511))),
            lambda: Instruction("lui", registers[:1], dice.choice((1, -1, -0x80000, 0x7ffff))),
            lambda: Instruction("beq", registers[:2], None, dice.choice((0, at, at // 2, LENGTH - 1))),
            lambda: Instruction("limpet.call", (), 0)][kind]())
    for at, instruction in enumerate(instructions):
        instruction.joins = at == 0
    for instruction in instructions:
        if instruction.target is not None:
            instructions[instruction.target].joins = True
    return Program(f"program {family}", f"family {family}", 1.0, 4 * LENGTH, instructions)


class Density(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.programs = [program(family) for family in range(4)]
        cls.codes = byte_isa.choose(byte_isa.Candidates(cls.programs, 2), None, 40, 0.5)

    def test_programs_come_back(self):
        self.assertTrue(any(len(code) == 2 for code in self.codes))
        for codes in (self.codes, []):  # escapes alone, too
            for one in self.programs:
                byte_isa.Encoding(one, codes).check()

    def test_codes_save(self):
        for one in self.programs:
            self.assertLess(byte_isa.Encoding(one, self.codes).code_bytes, byte_isa.Encoding(one, []).code_bytes)

    def test_a_wrong_byte_shows(self):
        encoding = byte_isa.Encoding(self.programs[0], [])
        data, names = encoding.write()
        at = max(start for _, _, start, _ in encoding.pieces()) + 1  # the name of the last instruction
        wrong = bytearray(data)
        wrong[at] = (data[at] + 1) % len(names)
        expected = [instruction.same for instruction in self.programs[0].instructions]
        self.assertEqual(byte_isa.read(data, names, []), expected)
        self.assertNotEqual(byte_isa.read(bytes(wrong), names, []), expected)

    def test_no_code_covers_a_target(self):
        for one in self.programs:
            at = 0
            for code in byte_isa.Encoding(one, self.codes).codes:
                length = len(code) if code else 1
                self.assertFalse(any(instruction.joins for instruction in one.instructions[at + 1:at + length]))
                at += length

    def test_nothing_is_learned_from_what_is_left_out(self):
        alone = Instruction("addi", (3, 3), 77)
        known = [Program("a", "left out", 1.0, 8, [alone] * 9), Program("b", "another", 1.0, 8, [alone] * 9)]
        candidates = byte_isa.Candidates(self.programs + known, 1)
        taught = (("addi", (3, "same"), ("fixed", 77)),)
        self.assertIn(taught, candidates.where)
        self.assertNotIn(taught, candidates.without("left out"))

    def test_an_echo_pays(self):
        part = [Instruction("add", (n, n + 1, n + 2)) for n in range(4)]
        twice = Program("twice", "x", 1.0, 32, part + part)
        encoding = byte_isa.Encoding(twice, [])
        self.assertEqual(other_designs.with_echoes(encoding),
                         encoding.code_bytes // 2 + other_designs.ECHO_BYTES)

    def test_huffman_spends_fewer_bits_on_what_is_frequent(self):
        common = [Instruction("add", (1, 2, 3))] * 50 + [Instruction("sub", (4, 5, 6))]
        code = other_designs.FieldHuffman([Program("p", family, 1.0, 0, common) for family in "ab"])
        sizes = [code.bytes(Program("p", "c", 1.0, 0, [one] * 8)) for one in (common[0], common[-1])]
        self.assertLess(*sizes)


if __name__ == "__main__":
    unittest.main()
