"""`limpet run --gdb`: the real gdb debugs a guest, and packets that no gdb would send do no harm."""

import random
import re
import signal
import socket
import subprocess
import time
import unittest

from support import LIMPET, SOURCE, GuestTest

PROGRAM = """\
struct point { int x, y; };
int total;
struct point last = {3, 4};

static int square(int value) {
    int result = 0;
    for (int i = 0; i < value; i++)
        result += value;
    return result;
}

__attribute__((noinline)) int norm(const struct point* p) {
    int sum = square(p->x) + square(p->y);
    total += sum; /* line 14 */
    return sum;
}

int _start(int count) {
    struct point p = {1, 2};
    for (int i = 0; i < count; i++) {
        p.x = i;
        last.x = norm(&p); /* line 22 */
    }
    return total;
}
"""


def packet(data):
    """A packet as bytes, from bytes that need no escape."""
    return b"$%s#%02x" % (data, sum(data) % 256)


class DebuggedGuest(GuestTest):
    """Starts the command and gives its port."""

    def program(self, text=PROGRAM, isa="rv32ec"):
        (self.folder / "program.c").write_text(text)
        path = self.folder / "program.elf"
        subprocess.run(["riscv64-unknown-elf-gcc", f"-march={isa}", "-mabi=ilp32e", "-g", "-O0", "-nostdlib",
                        "-T", SOURCE / "firmware/sdk/guest.ld", "-Wl,-e,_start", "-o", path, "program.c"],
                       check=True, cwd=self.folder)
        return path

    def start(self, guest, *arguments):
        self.process = subprocess.Popen([LIMPET, "run", guest, "--gdb", "0", *map(str, arguments)],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(self.process.stdout.close)
        self.addCleanup(self.process.stderr.close)
        self.addCleanup(self.process.wait)
        self.addCleanup(self.process.kill)
        line = self.process.stderr.readline().decode()
        self.assertRegex(line, r"127\.0\.0\.1:\d+\n")
        return int(line.rsplit(":", 1)[1])

    def finish(self):
        """Exit status and the rest of standard error."""
        output, errors = self.process.communicate(timeout=60)
        self.assertEqual(output, b"")
        return self.process.returncode, errors.decode()


class WithGdb(DebuggedGuest):
    def gdb(self, guest, commands, *arguments, run=None):
        """What gdb prints when it is told to do `commands`. `run`: the guest, when gdb reads another file."""
        port = self.start(run or guest, *arguments)
        words = ["gdb-multiarch", "-q", "-nx", "-batch", "-ex", "set pagination off", "-ex",
                 f"target remote 127.0.0.1:{port}"]
        for command in commands:
            words += ["-ex", command]
        return subprocess.run([*words, guest], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=120).stdout

    def assert_in_order(self, text, *parts):
        at = 0
        for part in parts:
            found = re.compile(part).search(text, at)
            self.assertIsNotNone(found, f"no {part!r} behind offset {at} of:\n{text}")
            at = found.end()

    def test_break_step_and_print(self):
        for isa in ("rv32ec", "rv32e", "rv32emc"):
            text = self.gdb(self.program(isa=isa), [
                "break program.c:14", "continue", "backtrace", "print sum", "print *p", "print total", "print last",
                "finish", "next", "next", "step", "info locals", "delete", "tbreak square", "continue", "print value",
                "backtrace", "continue"], "--args", 3, "--isa", isa)
            self.assert_in_order(
                text, r"Breakpoint 1, norm", r"#0  norm .*:14\n#1 .* in _start \(count=3\) at program.c:22\n",
                r"= 4\n", r"= \{x = 0, y = 2\}", r"= 0\n", r"= \{x = 3, y = 4\}", r"Value returned is .* = 4\n",
                r"20\t", r"21\t", r"22\t", r"i = 1\n", r"square \(value=1\)", r"= 1\n",
                r"#0  square .*\n#1 .* in norm .*\n#2 .* in _start", r"exited normally")
            self.assertEqual(self.finish(), (0, ""))

    def test_registers_and_memory_can_be_set(self):
        state = self.folder / "state"
        text = self.gdb(self.program(), [
            "break program.c:14", "continue", "set var sum = 1000", "set var total = 5", "print/x $sp", "delete",
            "finish", "set $a0 = 0x1234", "print/x $a0", "p $pc = 3", "print norm(0)", "continue"],
            "--args", 1, "--dump-state", state)
        self.assert_in_order(text, r"0x[0-9a-f]+\n", r"Value returned is .* = 1000\n", r"= 0x1234\n")
        self.assertIn("Could not write register", text)  # no instruction starts at address 3
        self.assertNotIn("exited normally", text)        # calling a function needs code on the stack

    def test_watchpoints(self):
        text = self.gdb(self.program(), ["watch total", "continue", "print i", "continue", "up", "print i",
                                         "delete", "rwatch last.y", "continue"], "--args", 3)
        self.assert_in_order(text, r"Old value = 0\nNew value = 4\n", r"Old value = 4\nNew value = 9\n", r"= 1\n",
                             r"exited normally")
        self.assertEqual(self.finish(), (0, ""))

    def test_traps_are_signals(self):
        ends = {"*(volatile int*)-4": ("SIGSEGV", "load"), "*(volatile int*)0x10000 = 1": ("SIGSEGV", "store"),
                'asm("ebreak")': ("SIGTRAP", "breakpoint"), 'asm(".half 0")': ("SIGILL", "illegal"),
                '((void (*)(void))64)()': ("SIGSEGV", "fetch"),
                'asm(".insn i 0x0b, 0, x0, x0, 7")': ("SIGSYS", "host-call")}
        for statement, (name, kind) in ends.items():
            guest = self.program("int _start(void) {\n    " + statement + ";\n    return 0;\n}\n")
            text = self.gdb(guest, ["continue", "info line", "continue"])
            self.assert_in_order(text, f"Program received signal {name},", f"Program terminated with signal {name},")
            status, errors = self.finish()
            self.assertEqual(status, 2)
            self.assertRegex(errors, rf"\Atrap={kind} pc=[0-9a-f]{{8}} insn=[0-9a-f]{{8}}\n\Z")

    def test_images_with_the_program_that_they_are_made_from(self):
        image, elf = self.folder / "hello.limpet", self.folder / "hello.elf"
        source = SOURCE / "firmware/drivers/hello.c"
        subprocess.run([LIMPET, "build", source, "-o", image, "--debug", elf, "-O", "g"], check=True)
        line = 1 + next(i for i, text in enumerate(source.read_text().splitlines()) if "respond(" in text)
        text = self.gdb(elf, [f"break hello.c:{line}", "continue", "print length", "print answer.clock",
                              "print (char)answer.text[4]", "continue"],
                        "--mock", SOURCE / "firmware/drivers/mocks/hello.json", run=image)
        self.assert_in_order(text, rf"Breakpoint 1, .*hello\.c:{line}\n", r"= 14\n", r"= 123456\n", r"= 111 'o'\n",
                             r"exited normally")
        output, errors = self.process.communicate(timeout=60)
        self.assertEqual((self.process.returncode, errors), (0, b""))
        self.assertIn(b'"text":"Hello, Limpet!"', output)

    def test_detach_lets_it_run_to_its_end(self):
        state = self.folder / "state"
        text = self.gdb(self.program(), ["break program.c:14", "continue", "detach"], "--args", 3, "--dump-state", state)
        self.assertIn("detached", text)
        self.assertEqual(self.finish(), (0, ""))
        self.assertIn("x10=00000011\n", state.read_text())

    def test_quitting_ends_the_guest(self):
        self.gdb(self.program("int _start(void) { for (;;); }"), ["stepi", "stepi"])
        self.assertEqual(self.finish(), (0, ""))

    def test_fuel_runs_out(self):
        text = self.gdb(self.program("int _start(void) { for (;;); }"), ["continue", "continue"], "--fuel", 1000)
        self.assertIn("SIGXCPU", text)
        self.assertEqual(self.finish()[0], 2)


class RawPackets(DebuggedGuest):
    def connect(self, guest, *arguments):
        connection = socket.create_connection(("127.0.0.1", self.start(guest, *arguments)), timeout=60)
        self.addCleanup(connection.close)
        return connection

    def ask(self, connection, data):
        """The answer to a packet; None when the connection is closed instead."""
        connection.sendall(packet(data))
        return self.answer(connection)

    def answer(self, connection):
        answer = b""
        while not re.search(rb"\$[^#]*#..\Z", answer):
            part = connection.recv(65536)
            if not part:
                return None
            answer += part
        return re.search(rb"\$([^#]*)#..\Z", answer).group(1)

    def loop(self):
        return self.raw("1: addi a0, a0, 1; j 1b")

    def test_answers(self):
        with self.connect(self.loop()) as connection:
            for question, answer in (
                (b"?", b"T05thread:1;"), (b"qAttached", b"0"), (b"vMustReplyEmpty", b""), (b"", b""), (b"!", b""),
                (b"m0,4", b"0505fdbf"), (b"mfffe,10", b"0000"), (b"m10000,1", b"E01"), (b"m0,ffffffff", None),
                (b"m0,100000000", b"E01"), (b"m,", b"E01"), (b"m0", b"E01"), (b"m0,4x", b"E01"),
                (b"p10", b"00000000"), (b"p11", b"E01"), (b"pffffffff", b"E01"), (b"p", b"E01"),
                (b"P0=ffffffff", b"OK"), (b"p0", b"00000000"), (b"P5=01020304", b"OK"), (b"p5", b"01020304"),
                (b"P5=010203", b"E01"), (b"P11=00000000", b"E01"), (b"P5", b"E01"),
                (b"P10=01000000", b"E01"), (b"P10=04000000", b"E01"), (b"P10=f0ffffff", b"E01"),
                (b"P10=02000000", b"OK"), (b"g", None), (b"G00", b"E01"), (b"G" + b"zz" * 68, b"E01"),
                (b"G" + b"ff" * 68, b"E01"), (b"G" + b"00" * 68, b"OK"),
                (b"M8000,2:abcd", b"OK"), (b"m8000,2", b"abcd"), (b"M8000,3:abcd", b"E01"), (b"M8000,2:abxx", b"E01"),
                (b"Mffff,2:abcd", b"E01"), (b"Mffffffff,2:abcd", b"E01"), (b"X8000,2:}\x03}\x04", b"OK"),
                (b"m8000,2", b"2324"), (b"Z0,0,2", b"OK"), (b"z0,0,2", b"OK"), (b"Z5,0,2", b""), (b"Z0,0", b"E01"),
                (b"Z2,0,ffffffff", b"OK"), (b"z2,0,ffffffff", b"OK"), (b"vCont", b""), (b"vCont;", b""),
                (b"qXfer:features:read:target.xml:ffffffff,1", b"E01"), (b"qXfer:features:read:target.xml:", b"E01"),
                (b"qXfer:features:read:annex.xml:0,10", b""), (b"s", b"T05thread:1;"), (b"p10", b"02000000"),
                (b"vCont;s:1", b"T05thread:1;"), (b"p10", b"00000000"), (b"pa", b"01000000")):
                reply = self.ask(connection, question)
                self.assertIsNotNone(reply)
                if answer is not None:
                    self.assertEqual((question, reply), (question, answer))

    def test_damaged_packets_are_asked_for_again(self):
        with self.connect(self.loop()) as connection:
            for damaged in (b"$?#00", b"$?#zz", b"$" + b"a" * 5000 + b"#00", b"$?$?#00"):
                connection.sendall(damaged)
                self.assertEqual(connection.recv(1), b"-")
                if damaged.count(b"$") == 2:
                    self.assertEqual(connection.recv(1), b"-")
            self.assertEqual(self.ask(connection, b"?"), b"T05thread:1;")

    def test_control_c_stops_an_endless_loop(self):
        with self.connect(self.loop()) as connection:
            for while_it_runs in (b"\x03", b"$junk#00\x03", packet(b"p0") * 3 + b"\x03"):
                connection.sendall(packet(b"c"))
                time.sleep(0.1)
                connection.sendall(while_it_runs)
                self.assertEqual(self.answer(connection), b"T02thread:1;")
            self.assertEqual(self.ask(connection, b"s"), b"T05thread:1;")

    def test_a_lost_connection_ends_the_run(self):
        for last in (b"", packet(b"c"), b"$?"):
            with self.connect(self.loop()) as connection:
                connection.sendall(last)
            self.assertEqual(self.finish(), (0, ""))

    def test_random_packets(self):
        generator = random.Random(7)
        alphabet = b"0123456789abcdef,;:=$#}*\x03+-gGpPmMXZzcsvqkDHT?\x00\xff"
        heads = [b"m", b"M", b"X", b"p", b"P", b"G", b"Z", b"z", b"vCont;", b"qXfer:features:read:target.xml:", b"H"]
        for _ in range(30):
            with self.connect(self.loop(), "--fuel", 200000) as connection:
                stream = b""
                for _ in range(300):
                    body = bytes(generator.choices(alphabet, k=generator.randrange(40)))
                    body = generator.choice([b"", generator.choice(heads)]) + body
                    framed = packet(body.translate(None, b"$#}*"))
                    stream += generator.choice([framed, framed, framed, body])
                try:
                    connection.sendall(stream)
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(65536):
                        pass
                except ConnectionError:
                    pass
            status, errors = self.finish()
            self.assertIn((status, "trap" in errors), ((0, False), (2, True)))

    def test_only_this_machine_may_connect(self):
        port = self.start(self.loop())
        listening = subprocess.run(["cat", "/proc/net/tcp"], capture_output=True, text=True).stdout
        self.assertIn(f"0100007F:{port:04X} 00000000:0000 0A", listening)
        self.process.send_signal(signal.SIGTERM)


class CommandLine(GuestTest):
    def test_ports(self):
        guest = self.raw("ret")
        for port in ("x", "-1", "65536", "1:2"):
            self.assert_refused(64, "--gdb", "run", guest, "--gdb", port)
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            self.assert_refused(64, "--gdb", "run", guest, "--gdb", taken.getsockname()[1])


if __name__ == "__main__":
    unittest.main()
