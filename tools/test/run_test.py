"""`limpet run`: how runs end, and what is left of them."""

import unittest

from support import LAYOUT, MEMORY, MERGED, GuestTest, backends, thumb_backends

REGISTERS = [f"x{i}" for i in range(1, 16)]


class Ends(GuestTest):
    def test_return_leaves_the_result_and_prints_nothing(self):
        guest = self.raw("add a0, a0, a1; ret")
        for backend in backends():
            status, errors, state = self.run_guest(guest, "--args", "40,2", "--backend", backend)
            self.assertEqual((status, errors), (0, ""))
            zero = dict.fromkeys(REGISTERS, "00000000")
            self.assertEqual(state, zero | {"end": "return", "pc": "fffffff0", "x1": "fffffff0", "x2": "00010000",
                                            "x10": "0000002a", "x11": "00000002"})

    def test_state_is_written_in_a_fixed_order(self):
        state = self.folder / "state"
        self.limpet("run", self.raw("ret"), "--dump-state", state)
        self.assertEqual([line.split("=")[0] for line in state.read_text().splitlines()], ["end", "pc"] + REGISTERS)

    def test_six_arguments(self):
        _, _, state = self.run_guest(self.raw("ret"), "--args", "1,0xffffffff,-1,-2147483648,4294967295,6")
        self.assertEqual([state[f"x{i}"] for i in range(10, 16)],
                         ["00000001", "ffffffff", "ffffffff", "80000000", "ffffffff", "00000006"])

    def test_ecall_ends_well(self):
        for backend in backends():
            status, errors, state = self.run_guest(self.raw("li a0, 5; ecall"), "--backend", backend)
            self.assertEqual((status, errors), (0, ""))
            self.assertEqual((state["end"], state["pc"], state["x10"]), ("ecall", "00000002", "00000005"))

    def test_entry_by_name_and_by_number(self):
        guest = self.elf("""
            .section .text.init, "ax"
            .globl _start, second
            _start: li a0, 1; ret
            second: li a0, 2; ret""")
        for entry, result in (("_start", 1), ("second", 2), ("0x80000004", 2)):
            _, _, state = self.run_guest(guest, "--memory", MEMORY, "--entry", entry)
            self.assertEqual(state["x10"], f"{result:08x}")
        self.assert_refused(3, "no symbol 'third'", "run", guest, "--memory", MEMORY, "--entry", "third")

    def test_fuel_is_exact_on_the_reference(self):
        guest = self.raw("1: addi a0, a0, 1; j 1b")
        for fuel, pc, result in ((0, 0, 0), (1, 2, 1), (2, 0, 1), (1001, 2, 501)):
            status, errors, state = self.run_guest(guest, "--fuel", fuel)
            insn = 0x0505 if pc == 0 else 0xbffd
            self.assertEqual((status, errors), (2, f"trap=fuel pc={pc:08x} insn={insn:08x}\n"))
            self.assertEqual((state["end"], state["x10"]), ("fuel", f"{result:08x}"))

    def test_fuel_is_at_least_what_was_asked_for(self):
        guest = self.raw("li a1, 1000; 1: addi a0, a0, 1; bne a0, a1, 1b; ret")
        for backend in backends():
            self.assertEqual(self.run_guest(guest, "--fuel", 2002, "--backend", backend)[0], 0)
            self.assertEqual(self.run_guest(guest, "--fuel", 500, "--backend", backend)[0], 2)

    def test_budgets_above_the_largest_of_one_run(self):
        # 2 * 0x9000001 instructions are more than LIMPET_FUEL_MAX, 0xfffffff.
        guest = self.raw("li a1, 0x9000000; 1: addi a0, a0, 1; bne a0, a1, 1b; ret")
        for fuel in ((), ("--fuel", 0x12000003), ("--fuel", 10**18)):
            self.assertEqual(self.run_guest(guest, *fuel)[0], 0)
        self.assertEqual(self.run_guest(guest, "--fuel", 0x12000001)[0], 2)


class Traps(GuestTest):
    def test_illegal(self):
        self.assert_trap(self.raw(".half 0"), "illegal", 0, 0)
        self.assert_trap(self.raw(".half 1; .word 0xc0002573"), "illegal", 2, 0xc0002573)
        self.assert_trap(self.raw(".word 0x00a50833"), "illegal", 0, 0x00a50833)  # add x16, x10, x10

    def test_load(self):
        state = self.assert_trap(self.raw("li a0, 7; lw a0, -3(sp)"), "load", 2, 0xffd12503)
        self.assertEqual(state["x10"], "00000007")
        self.assert_trap(self.raw("lbu a0, -1(x0)"), "load", 0, 0xfff04503)

    def test_store(self):
        self.assert_trap(self.raw("sw a0, 0(x0)"), "store", 0, 0x00a02023)  # its own code
        self.assert_trap(self.raw("sb a0, 0(sp)"), "store", 0, 0x00a10023)  # behind the end
        self.assert_trap(self.raw("1: c.swsp a0, 0(sp); addi sp, sp, -4; j 1b"), "store", 0, 0xc02a)

    def test_fetch(self):
        self.assert_trap(self.raw("li a0, 64; jr a0"), "fetch", 4, 0x8502)
        self.assert_trap(self.raw("nop; nop"), "fetch", 4, 0)  # runs off the end
        self.assert_trap(self.raw("nop; .half 0x0537"), "fetch", 2, 0)  # half of lui a0, 0
        self.assert_trap(self.raw("ret"), "fetch", 2, 0, "--entry", "2")
        self.assert_trap(self.raw("ret"), "fetch", 1, 0, "--entry", "1")
        self.assert_trap(self.raw("nop", isa="rv32e"), "fetch", 2, 0, "--entry", "2", "--isa", "rv32e")

    def test_breakpoint(self):
        self.assert_trap(self.raw("ebreak"), "breakpoint", 0, 0x9002)

    def test_host_call(self):
        self.assert_trap(self.raw(".insn i 0x0b, 0, x0, x0, 7"), "host-call", 0, 0x0070000b)

    def test_isa_changes_what_is_legal(self):
        multiply = self.raw("mul a0, a0, a1; ret", isa="rv32em")
        self.assert_trap(multiply, "illegal", 0, 0x02b50533)
        self.assert_trap(multiply, "illegal", 0, 0x02b50533, "--isa", "rv32e")
        compressed = self.raw("add a0, a0, a1; ret")
        self.assert_trap(compressed, "illegal", 0, 0x8082952e, "--isa", "rv32e")
        for backend in backends("rv32emc"):
            options = ("--isa", "rv32emc", "--args", "6,-7", "--backend", backend)
            self.assertEqual(self.run_guest(multiply, *options)[2]["x10"], "ffffffd6")

    def test_isa_comes_from_the_elf_header(self):
        program = '.section .text.init, "ax"; _start: .globl _start; .half 0x952e, 0x8082'
        for isa, end in (("rv32ec", "return"), ("rv32e", "illegal")):
            _, _, state = self.run_guest(self.elf(program, isa=isa), "--memory", MEMORY)
            self.assertEqual(state["end"], end)


class Memory(GuestTest):
    def test_base_and_size(self):
        guest = self.raw("lui a1, 0x80000; add a2, a1, a0; sb a0, 0(a2); lbu a3, 0(a2); ret")
        for backend in backends():
            options = ("--memory", "0x80000000:1000", "--backend", backend)
            status, _, state = self.run_guest(guest, *options, "--args", 999)
            self.assertEqual((status, state["x13"], state["x2"]), (0, "000000e7", "800003e0"))
            self.assertEqual(self.run_guest(guest, *options, "--args", 1000)[2]["end"], "store")
            self.assertEqual(self.run_guest(guest, *options, "--args", -1)[2]["end"], "store")

    def test_memory_up_to_the_end_of_the_address_space(self):
        guest = self.raw("sw a0, -4(x0); lw a1, -4(x0); li a2, -1; lh a3, 0(a2); ret")
        for backend in backends():
            arguments = (guest, "--memory", "0xffff0000:65536", "--args", 77, "--backend", backend)
            if backend in thumb_backends():  # their windows, as limpet.h has them, end below
                self.assert_refused(3, f"{backend} cannot run it", "run", *arguments)
                continue
            _, _, state = self.run_guest(*arguments)
            self.assertEqual((state["end"], state["x11"], state["x2"]), ("load", "0000004d", "00000000"))

    def test_bad_memory(self):
        guest = self.raw("ret")
        for memory in ("", "0", "0:", ":1", "0:x", "1:8", "0:0", "0:1:2", "0:0x80000000", "0xfffffff0:32", "-4:8"):
            self.assert_refused(64, "--memory", "run", guest, "--memory", memory)

    PARTS = """
        .section .text.init, "ax"
        .globl _start, read_data, run_data, run_gap, write_code, write_constant, write_gap, cut
        _start: la a1, part; jr a1
        read_data: la a1, value; lw a0, 0(a1); la a1, constant; lw a2, 0(a1); la a1, _start; lbu a3, 0(a1); ret
        run_data: la a1, value; jr a1
        run_gap: li a1, 0x80001800; jr a1
        write_code: la a1, part; sb a0, 0(a1); ret
        write_constant: la a1, constant - 2; sw a0, 0(a1); ret
        write_gap: li a1, 0x80001800; sw a0, 0(a1); lw a2, 0(a1); ret
        cut: nop; nop
        .section .tohost, "aw"
        .word 0
        .section .text, "ax"
        part: la a1, value; lw a0, 0(a1); addi a0, a0, 1; sw a0, 0(a1); lw a0, 0(a1); ret
        .section .data, "aw"
        value: .word 41
        .section .rodata, "a"
        constant: .word 43
        .section .bss, "aw"
        .word 0
        """

    def test_parts_have_the_rights_of_their_segments(self):
        for layout in (LAYOUT, MERGED):
            guest = self.elf(self.PARTS, layout=layout)
            for backend in backends():
                with self.subTest(merged=layout is MERGED, backend=backend):
                    def run(entry):
                        options = ("--memory", MEMORY, "--backend", backend, "--args", 77, "--entry", entry)
                        return self.run_guest(guest, *options)[2]
                    self.assertEqual((run("_start")["end"], run("_start")["x10"]), ("return", "0000002a"))
                    data = run("read_data")
                    self.assertEqual((data["x10"], data["x12"], data["x13"]), ("00000029", "0000002b", "00000097"))
                    self.assertEqual((run("write_gap")["end"], run("write_gap")["x12"]), ("return", "0000004d"))
                    for entry, end in (("run_data", "fetch"), ("run_gap", "fetch"), ("write_code", "store"),
                                       ("write_constant", "store"), ("cut", "fetch")):
                        self.assertEqual((entry, run(entry)["end"]), (entry, end))

    def test_running_off_a_part_into_a_gap(self):
        # c.nop; the first halves of a load, a lui and a fence
        for last, size in (("nop", 2), (".half 0x0003", 0), (".half 0x0537", 0), (".half 0x000f", 0)):
            guest = self.elf(f"""
                .section .text.init, "ax"
                .globl _start
                _start: nop; {last}
                .section .text, "ax"
                ret""")
            self.assert_trap(guest, "fetch", 0x80000002 + size, 0, "--memory", MEMORY)


class Tohost(GuestTest):
    def guest(self, body):
        return self.elf(f"""
            .section .text.init, "ax"
            .globl _start, tohost
            _start: la a1, tohost; la a2, constant; li a0, 1; li a3, 5
            body: {body}
            ret
            .section .rodata, "a"
            constant: .word 0
            .section .tohost, "aw"
            .word 0
            tohost: .word 0, 0
            .section .data, "aw"
            .word 0""")

    def outcome(self, body, *arguments):
        """Exit status and state, which must be the same on every backend."""
        guest = self.guest(body)
        results = [self.run_guest(guest, "--memory", MEMORY, "--backend", name, *arguments) for name in backends()]
        self.assertTrue(all(result == results[0] for result in results))
        status, _, state = results[0]
        return status, state

    def test_one_is_success_and_more_is_failure(self):
        for value, status in ((1, 0), (2, 1), (3, 1), (-1, 1)):
            got, state = self.outcome(f"li a0, {value}; sw a0, 0(a1); li a0, 99")
            self.assertEqual((got, state["end"], state["x10"]), (status, "tohost", f"{value & 0xffffffff:08x}"))

    def test_pc_is_behind_the_store(self):
        _, state = self.outcome("nop; c.sw a0, 0(a1); nop")
        self.assertEqual(state["pc"], "80000018")  # four instructions of 8 + 8 + 2 + 2, nop, c.sw

    def test_zero_does_not_end(self):
        status, state = self.outcome("sw x0, 0(a1); sb x0, 1(a1); lw a4, 0(a1); li a0, 7")
        self.assertEqual((status, state["end"], state["x10"], state["x14"]), (0, "return", "00000007", "00000000"))

    def test_stores_beside_it_do_not_end(self):
        status, state = self.outcome("sw a3, 4(a1); sw a3, -4(a1); sb a3, -1(a1); lw a4, 4(a1)")
        self.assertEqual((status, state["end"], state["x14"]), (0, "return", "00000005"))

    def test_any_byte_of_it_ends(self):
        self.assertEqual(self.outcome("sb a0, 0(a1)")[0], 0)
        self.assertEqual(self.outcome("sb a0, 3(a1)")[0], 1)
        self.assertEqual(self.outcome("li a0, 0x01000000; sw a0, -3(a1)")[0], 0)  # its first byte receives 1
        self.assertEqual(self.outcome("li a0, 0x100; sw a0, 3(a1)")[1]["end"], "return")  # its last receives 0

    def test_other_stores_trap_as_ever(self):
        for body in ("sw x0, 0(a1); sw a0, 0(a2)", "sw a0, 0(x0)"):
            status, state = self.outcome(body)
            self.assertEqual((status, state["end"]), (2, "store"))

    def test_fuel_runs_out_between_zero_stores(self):
        status, errors, state = self.run_guest(self.guest("1: sw x0, 0(a1); addi a4, a4, 1; j 1b"), "--memory", MEMORY,
                                               "--fuel", 6 + 300)
        self.assertEqual((status, state["end"], state["x14"]), (2, "fuel", f"{100:08x}"))
        self.assertIn("trap=fuel pc=80000014", errors)

    def test_word_that_is_read_only_is_no_tohost(self):
        guest = self.elf('.section .text.init, "ax"; .globl _start, tohost; _start: auipc a0, 0; c.sw a0, 0(a0); tohost: ret; ret')
        self.assert_trap(guest, "store", 0x80000004, 0xc108, "--memory", MEMORY)


class Dumps(GuestTest):
    PROGRAM = """
        .section .text.init, "ax"
        .globl _start, begin_signature, end_signature
        _start: la a0, begin_signature; li a1, 0xcafe; sw a1, 4(a0); {last}
        .section .data, "aw"
        begin_signature: .word 0x12345678, 0; .byte 1, 2, 3, 0xff
        end_signature:"""

    def test_signature(self):
        dump = self.folder / "signature"
        for last, status in (("ret", 0), ("ecall", 0), ("ebreak", 2), ("1: j 1b", 2)):
            result = self.limpet("run", self.elf(self.PROGRAM.format(last=last)), "--memory", MEMORY, "--fuel", 100,
                                 "--dump-signature", dump)
            self.assertEqual(result.returncode, status)
            self.assertEqual(dump.read_text(), "12345678\n0000cafe\nff030201\n")

    def test_as_public_suites_run_it(self):
        """8 MiB from 0x80000000, tohost, signature and state; the options in any order, before the file or behind."""
        program = """
            .section .text.init, "ax"
            .globl _start, tohost, begin_signature, end_signature
            _start: la a0, begin_signature; li a1, 0xcafe; c.sw a1, 4(a0); c.addi sp, -4; c.swsp a1, 0(sp)
            {end}; 1: c.j 1b
            .section .tohost, "aw"
            tohost: .word 0, 0
            .section .data, "aw"
            begin_signature: .word 0x12345678, 0
            end_signature:"""
        dump, state = self.folder / "signature", self.folder / "state"
        to_tohost = "la a2, tohost; c.li a3, {}; c.sw a3, 0(a2)"
        for code, status, end, pc, insn, x12, x13 in (
            (to_tohost.format(1), 0, "tohost", 0x20, None, 0x80001000, 1),
            (to_tohost.format(5), 1, "tohost", 0x20, None, 0x80001000, 5),
            ("ecall", 0, "ecall", 0x14, None, 0, 0),
            ("c.jr ra", 0, "return", 0xfffffff0 - 0x80000000, None, 0, 0),
            (".word 0xf1402673", 2, "illegal", 0x14, 0xf1402673, 0, 0),
            ("c.lwsp a2, 4(sp)", 2, "load", 0x14, 0x4612, 0, 0),
            ("c.swsp a1, 4(sp)", 2, "store", 0x14, 0xc22e, 0, 0),
            ("c.li a5, 0; c.jr a5", 2, "fetch", 0x16, 0x8782, 0, 0),
            ("c.ebreak", 2, "breakpoint", 0x14, 0x9002, 0, 0),
            (".insn i 0x0b, 0, x0, x0, 3", 2, "host-call", 0x14, 0x0030000b, 0, 0),
        ):
            registers = [0xfffffff0, 0x807ffffc, 0, 0, 0, 0, 0, 0, 0, 0x80003000, 0xcafe, x12, x13, 0, 0]
            expected = f"end={end}\npc={0x80000000 + pc:08x}\n" + "".join(
                f"x{number}={value:08x}\n" for number, value in enumerate(registers, 1))
            trap = "" if insn is None else f"trap={end} pc={0x80000000 + pc:08x} insn={insn:08x}\n"
            guest = self.elf(program.format(end=code))
            options = [("--memory", "0x80000000:0x800000"), ("--isa", "rv32ec"), ("--dump-signature", dump),
                       ("--dump-state", state), ("--fuel", "1000"), (guest,)]
            for number, backend in enumerate(backends()):
                given = options[number % 6:] + [("--backend", backend)] + options[:number % 6]
                result = self.limpet("run", *(word for option in given for word in option))
                self.assertEqual((result.returncode, result.stdout, result.stderr.decode()), (status, b"", trap))
                self.assertEqual(dump.read_text(), "12345678\n0000cafe\n")
                self.assertEqual(state.read_text(), expected)

    def test_guest_without_signature_is_refused_before_it_runs(self):
        dump = self.folder / "signature"
        self.assert_refused(3, "begin_signature", "run", self.raw("ret"), "--dump-signature", dump)
        self.assertFalse(dump.exists())

    def test_signature_outside_memory(self):
        for begin, end in (("0x80000000", "0x80000006"), ("0x80000008", "0x80000000"), ("0x7ffffffc", "0x80000000"),
                           ("0x800ffffc", "0x80100004"), ("0", "0xfffffffc")):
            guest = self.elf('.section .text.init, "ax"; .globl _start, begin_signature, end_signature; _start: ret;'
                             f"begin_signature = {begin}; end_signature = {end}")
            self.assert_refused(3, "begin_signature..end_signature is not", "run", guest, "--memory", MEMORY,
                                "--dump-signature", self.folder / "signature")

    def test_files_that_cannot_be_written(self):
        guest = self.elf(self.PROGRAM.format(last="ret"))
        for option in ("--dump-state", "--dump-signature"):
            missing = self.folder / "missing" / "file"
            self.assert_refused(64, "cannot write", "run", guest, "--memory", MEMORY, option, missing)
            self.assert_refused(70, "cannot write", "run", guest, "--memory", MEMORY, option, "/dev/full")

    def test_trace(self):
        result = self.limpet("run", self.elf(self.PROGRAM.format(last="ret")), "--memory", MEMORY, "--trace")
        self.assertEqual((result.returncode, result.stdout), (0, b""))
        lines = result.stderr.decode().splitlines()
        self.assertEqual(len(lines), 6)
        self.assertRegex(lines[0], r"^80000000: 00003517  auipc +a0, 0x3  x10=80003000  ; <_start>$")
        self.assertRegex(lines[4], r"^8000000e: c14c +c\.sw +a1, 0x4\(a0\)  ; <_start\+0xe>$")

    def test_trace_shows_the_store_that_ends_the_run(self):
        guest = self.elf('.section .text.init, "ax"; .globl _start, tohost; _start: la a1, tohost; c.sw x8, 0(a1);'
                         'c.sw a1, 0(a1); ret; .section .tohost, "aw"; tohost: .word 0')
        lines = self.limpet("run", guest, "--memory", MEMORY, "--trace").stderr.decode().splitlines()
        self.assertEqual([line.split()[2] for line in lines], ["auipc", "addi", "c.sw", "c.sw"])


if __name__ == "__main__":
    unittest.main()
