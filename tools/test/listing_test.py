"""`limpet disasm` and `limpet backends`."""

import unittest

from support import GuestTest


class Listing(GuestTest):
    def listing(self, *arguments):
        result = self.limpet("disasm", *arguments)
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        return result.stdout.decode()

    def test_elf(self):
        guest = self.elf("""
            .section .text.init, "ax"
            .globl _start
            _start: addi a0, a0, 1
            1: bnez a0, 1b
            jal ra, f
            .type f, @function
            f: .globl f
            ret
            .section .data, "aw"
            .half 0x8082
            """)
        self.assertEqual(self.listing(guest), """
_start:
80000000: 0505      c.addi     a0, 0x1
80000002: e101      c.bnez     a0, 0x80000002 <_start+0x2>
80000004: 004000ef  jal        ra, 0x80000008 <f>

f:
80000008: 8082      c.jr       ra
""")

    def test_raw(self):
        code = self.file(b"\x82\x80\x13\x05\x15\x00\xff\xff\xff\xff\x00\x00\x13\x05")
        self.assertEqual(self.listing(code).splitlines(), [
            "00000000: 8082      c.jr       ra",
            "00000002: 00150513  addi       a0, a0, 0x1",
            "00000006: ffffffff  <unknown>",
            "0000000a: 0000      <unknown>",
            "0000000c: 13 05  <cut off>",
        ])

    def test_isa(self):
        code = self.file(b"\x33\x05\xb5\x02\x2e\x95\x82\x80")
        self.assertEqual([line.split()[2] for line in self.listing(code).splitlines()], ["<unknown>", "c.add", "c.jr"])
        lines = self.listing(code, "--isa", "rv32e").splitlines()
        self.assertEqual([line.split()[1:3] for line in lines], [["02b50533", "<unknown>"], ["8082952e", "<unknown>"]])
        self.assertIn("mul ", self.listing(code, "--isa", "rv32emc"))

    def test_backends(self):
        result = self.limpet("backends")
        self.assertEqual(result.returncode, 0)
        lines = [line.split() for line in result.stdout.decode().splitlines()]
        self.assertTrue(all(len(line) == 2 for line in lines))
        self.assertEqual({isa for isa, _ in lines}, {"rv32e", "rv32ec", "rv32emc", "rv32ecx", "rv32dense", "ebpf", "ebpf32"})
        self.assertIn(["rv32ec", "rv32-switch"], lines)


if __name__ == "__main__":
    unittest.main()
