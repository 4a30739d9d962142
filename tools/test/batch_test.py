"""`limpet batch`: the protocol, byte by byte."""

import os
import random
import struct
import subprocess
import unittest

from support import LIMPET, GuestTest, backends

RETURN, ILLEGAL, LOAD, STORE, FETCH, BREAKPOINT, HOST_CALL, FUEL, REFUSED, ECALL = range(10)
RA = 0xfffffff0
ADD = b"\x2e\x95"  # c.add a0, a1
RET = b"\x82\x80"
ECALL_CODE = b"\x73\0\0\0"


def request(code=b"", data=b"", *, base=0x1000, size=4096, code_size=None, fuel=100, **registers):
    x = [registers.pop(f"x{i}", 0) for i in range(1, 16)]
    assert not registers
    body = struct.pack("<19I", *x, base, size, len(code) if code_size is None else code_size, fuel) + code + data
    return struct.pack("<I", len(body)) + body


def replies(stream):
    """Of each: status, pc, [x1..x15], instructions executed, memory."""
    result = []
    while stream:
        length, status, pc, *x, executed = struct.unpack_from("<III15IQ", stream)
        result.append((status, pc, x, executed, stream[80:4 + length]))
        stream = stream[4 + length:]
    return result


class Batch(GuestTest):
    def batch(self, *requests, isa="rv32ec", backend="rv32-switch", status=0, errors=b""):
        result = self.limpet("batch", "--isa", isa, "--backend", backend, input=b"".join(requests))
        self.assertEqual((result.returncode, result.stderr), (status, errors))
        return replies(result.stdout)

    def test_one_instruction_and_the_exact_reply(self):
        x = {f"x{i}": 0x01010101 * i for i in range(1, 16)}
        want = [0x01010101 * i for i in range(1, 16)]
        want[9] = 0x15151515  # a0 = 10 + 11
        for backend in backends():
            (status, pc, got, executed, memory), = self.batch(
                request(ADD + ECALL_CODE, b"\x01\x00\x02\x00", **x), backend=backend)
            self.assertEqual((status, pc, got, memory), (ECALL, 0x1002, want, b"\x01\x00\x02"))
            if backend == "rv32-switch":
                self.assertEqual(executed, 1)

    def test_every_status(self):
        cases = (
            (RETURN, RA, RET),
            (ILLEGAL, 0x1000, b"\0\0"),
            (LOAD, 0x1000, b"\x03\x25\x00\x00"),  # lw a0, 0(x0)
            (STORE, 0x1000, b"\x23\x20\xa5\x00"),  # sw a0, 0(a0), its own code
            (FETCH, 0x1000, b"\x02\x95"),  # c.jalr a0
            (FETCH, 0x1002, b"\x01\x00"),  # c.nop
            (BREAKPOINT, 0x1000, b"\x02\x90"),
            (HOST_CALL, 0x1000, b"\x0b\x00\x00\x00"),
            (FUEL, 0x1000, b"\x01\xa0"),  # c.j to itself
            (ECALL, 0x1000, ECALL_CODE),
        )
        for backend in backends():
            got = self.batch(*(request(code, x1=RA, x10=0x1001) for _, _, code in cases), backend=backend)
            for (status, pc, code), reply in zip(cases, got, strict=True):
                # c.jalr a0: bit 0 of the target is cleared, and it is then fetched, for ever.
                want = (FUEL, 0x1000) if code == b"\x02\x95" else (status, pc)
                self.assertEqual(reply[:2], want, (backend, code))

    def test_memory_behind_the_code(self):
        store = b"\x23\x00\xb5\x00" + ECALL_CODE  # sb a1, 0(a0)
        cases = [(0x1008, b"\x07"), (0x100b, b"\0\0\0\x07"), (0x1fff, bytes(4087) + b"\x07")]
        got = self.batch(*(request(store, x10=address, x11=0x107) for address, _ in cases))
        self.assertEqual([reply[4] for reply in got], [memory for _, memory in cases])
        self.assertEqual(self.batch(request(store, x10=0x2000))[0][:2], (STORE, 0x1000))
        self.assertEqual(self.batch(request(store, x10=0x1007))[0][:2], (STORE, 0x1000))

    def test_fuel(self):
        loop = b"\x05\x05\xfd\xbf"  # c.addi a0, 1; c.j back
        for fuel in (0, 1, 2, 1001):
            (status, pc, x, executed, _), = self.batch(request(loop, fuel=fuel))
            self.assertEqual((status, pc, x[9], executed), (FUEL, 0x1000 + 2 * (fuel % 2), (fuel + 1) // 2, fuel))
        (status, _, _, executed, _), = self.batch(request(ADD + RET, x1=RA, fuel=0xffffffff))
        self.assertEqual((status, executed), (RETURN, 2))

    def test_what_makes_no_sense_is_refused_and_the_next_case_is_run(self):
        bad = [
            request(ADD, size=1 << 27),
            request(ADD, size=1),
            request(ADD, code_size=3),
            request(ADD, code_size=0xffffffff),
            request(ADD, bytes(4095)),
            request(ADD, base=0x1001),
            request(ADD, base=0xfffffffe),
            request(bytes(0xff4), base=0xfffff000),
        ]
        stream = [part for one in bad for part in (one, request(RET, x1=RA))]
        got = self.batch(*stream)
        self.assertEqual([reply[0] for reply in got], [REFUSED, RETURN] * len(bad))
        self.assertTrue(all(reply[3:] == (0, b"") for reply in got[::2]))
        self.assertEqual(self.batch(request(ADD, size=1, x15=9))[0][2], [0] * 14 + [9])

    def test_entry_where_no_instruction_can_be(self):
        for backend in backends():
            none, short = self.batch(request(b""), request(b"\x01"), backend=backend)
            self.assertEqual((none[:2], short[:2]), ((FETCH, 0x1000), (FETCH, 0x1000)))
        for backend in backends("rv32e"):
            (status, pc, *_), = self.batch(request(ECALL_CODE, base=0x1002), isa="rv32e", backend=backend)
            self.assertEqual((status, pc), (FETCH, 0x1002))

    def test_empty_stream(self):
        self.assertEqual(self.batch(), [])

    def test_broken_streams(self):
        whole = request(ADD + RET, x1=RA)
        for tail, line in (
            (whole[:2], "request 2: the stream ends inside its length"),
            (whole[:4], "request 2: the stream ends after 0 of 80 bytes"),
            (whole[:-1], "request 2: the stream ends after 79 of 80 bytes"),
            (struct.pack("<I", 75) + bytes(75), "request 2: 75 bytes cannot be a request"),
            (b"\xff" * 100, "request 2: 4294967295 bytes cannot be a request"),
        ):
            got = self.batch(whole, tail, status=3, errors=f"limpet: {line}\n".encode())
            self.assertEqual(len(got), 1)

    def test_one_case_at_a_time(self):
        """Replies come before the next request is waited for."""
        with subprocess.Popen([LIMPET, "batch", "--isa", "rv32ec"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              bufsize=0) as process:
            for _ in range(3):
                process.stdin.write(request(ADD + RET, x1=RA, x10=40, x11=2))
                self.assertEqual(replies(os.read(process.stdout.fileno(), 1000))[0][2][9], 42)
            process.stdin.close()
            self.assertEqual(process.wait(), 0)

    def test_long_streams(self):
        """Larger than any buffer, with replies of very different sizes."""
        rng = random.Random(2)
        cases = [(rng.getrandbits(32), rng.randbytes(rng.choice((0, 1, 100, 70000)))) for _ in range(300)]
        got = self.batch(*(request(ADD + RET, data, size=1 << 17, x1=RA, x10=a, x11=1) for a, data in cases))
        for (a, data), (status, _, x, _, memory) in zip(cases, got, strict=True):
            self.assertEqual((status, x[9]), (RETURN, (a + 1) & 0xffffffff))
            self.assertEqual(memory, data.rstrip(b"\0"))


if __name__ == "__main__":
    unittest.main()
