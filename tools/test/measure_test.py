"""`limpet measure`: what a guest costs under each backend. That its cycles are right, bench/tests tell."""

import os
import pathlib
import re
import shutil
import subprocess
import time

from support import LIMPET, SOURCE, GuestTest, backends

DRIVERS = SOURCE / "firmware/drivers"
COUNT = """
#include "limpet_guest.h"
uint32_t LIMPET_ENTRY(count)(uint32_t n) {
    uint32_t sum = 0;
    for (volatile uint32_t i = 0; i < n; ++i) sum += i;
    return sum;
}
"""
TRAP = """
#include "limpet_guest.h"
uint32_t LIMPET_ENTRY(trap)(void) { return *(volatile uint32_t*)0xffff0000; }
"""


def tables(text):
    """The two tables, as lists of dictionaries."""
    found = []
    for line in text.splitlines():
        words = line.split()
        if words[:2] == ["isa", "backend"]:
            header, rows = words, []
            found.append(rows)
        elif found and len(words) == len(header) and words[1].startswith(("rv32-", "bpf-")):
            rows.append(dict(zip(header, words)))
    return found


class Measure(GuestTest):
    def measure(self, *arguments, **settings):
        result = self.limpet("measure", *arguments, **settings)
        self.assertEqual((result.stderr, result.returncode), (b"", 0))
        return tables(result.stdout.decode())

    def image(self, source, isa="rv32ec"):
        path = self.folder / "guest.limpet"
        subprocess.run([LIMPET, "build", self.file(source.encode(), "guest.c"), "-o", path, "--isa", isa], check=True)
        return path

    def test_a_driver_has_a_line_for_each_isa_and_backend(self):
        start = time.monotonic()
        memory, cycles = self.measure(DRIVERS / "max31865.c", "--mock", DRIVERS / "mocks/max31865.json")
        self.assertLess(time.monotonic() - start, 60)
        wanted = [(isa, name) for isa in ("rv32e", "rv32ec", "rv32emc", "rv32ecx", "rv32dense", "ebpf", "ebpf32")
                  for name in backends(isa) if (isa, name) != ("ebpf32", "bpf-switch")]  # which is for PCs
        self.assertEqual([(row["isa"], row["backend"]) for row in memory], wanted)
        self.assertEqual([(row["isa"], row["backend"]) for row in cycles if row["entry"] == "task"], wanted)
        for row in memory:
            stack_max = {"ebpf": 184, "ebpf32": 96}.get(row["isa"], 64)
            self.assertTrue(0 < int(row["stack"]) <= stack_max and int(row["flash"]) > 500 and int(row["prepare"]) > 0, row)
            self.assertEqual(int(row["RAM"]), sum(int(row[key]) for key in ("data", "code", "prepared", "VM")))

    def test_memory_is_what_info_says(self):
        image = self.image(COUNT)
        info = self.limpet("info", image).stdout.decode()
        upload = re.search(r"upload +(\d+) bytes", info)[1]
        code, data = re.search(r"memory .*: (\d+) code, (\d+) data", info).groups()
        guard_bytes = 4
        for row in self.measure(image)[0]:
            self.assertEqual((row["upload"], row["data"], int(row["code"])), (upload, data, int(code) + guard_bytes))

    def test_instructions_are_those_of_a_trace(self):
        image = self.image(COUNT)
        for n in (0, 7):
            trace = self.limpet("run", image, "--args", n, "--trace").stderr.decode().splitlines()
            for row in self.measure(image, "--args", n)[1]:
                self.assertEqual((row["entry"], row["calls"], row["insns"]), ("count", "1", f"{len(trace)}.0"))

    def test_more_work_takes_more_cycles(self):
        image = self.image(COUNT)
        few, many = (self.measure(image, "--args", n)[1] for n in (10, 20))
        for a, b in zip(few, many):
            self.assertGreater(int(b["cycles"]), int(a["cycles"]))

    def test_every_driver_mock_can_be_measured(self):
        for mock in sorted((DRIVERS / "mocks").glob("*.json")):
            source = DRIVERS / f"{mock.stem}.c"
            if not source.exists():
                continue  # another scene for the same driver
            with self.subTest(mock.stem):
                cycles = self.measure(source, "--mock", mock, "--isa", "rv32ec")[1]
                self.assertEqual(sorted({row["backend"] for row in cycles}), sorted(backends()))

    def test_without_a_firmware_memory_is_measured(self):
        memory, = self.measure(DRIVERS / "max31865.c", "--isa", "rv32ec")
        self.assertEqual([row["backend"] for row in memory], backends())
        self.assertEqual({row["stack"] for row in memory}, {"-"})

    def test_a_trap_is_told_and_nothing_printed(self):
        for isa in ("rv32e", "rv32ec"):
            result = self.limpet("measure", self.image(TRAP, isa))
            self.assertRegex(result.stderr.decode(), r"\Atrap=load pc=[0-9a-f]{8} insn=[0-9a-f]{8}\n\Z")
            self.assertEqual((result.stdout, result.returncode), (b"", 2))

    def test_an_endless_guest_is_stopped(self):
        result = self.limpet("measure", self.image(COUNT), "--args", "0xffffffff", "--fuel", 1000)
        self.assertTrue(result.stderr.startswith(b"trap=fuel "), result.stderr)
        self.assertEqual((result.stdout, result.returncode), (b"", 2))

    def test_what_the_mock_does_not_expect_is_told(self):
        script = self.file(b'{"schedule": [{"entry": "count", "args": [3], "result": 4}]}', "mock.json")
        result = self.limpet("measure", self.image(COUNT), "--mock", script)
        self.assertRegex(result.stderr.decode(), r"\Alimpet: [^\n]+\n\Z")
        self.assertEqual((result.stdout, result.returncode), (b"", 1))

    def test_a_library_that_does_something_else_is_noticed(self):
        """One that runs without the 16-bit instructions of the guest."""
        settings = (pathlib.Path(LIMPET).resolve().parents[1] / "CMakeCache.txt").read_text()
        cross_build = pathlib.Path(re.search(r"^LIMPET_CROSS_DIR:PATH=(.*)", settings, re.M)[1])
        folder = self.folder / "images"
        shutil.copytree(cross_build / "variants/thumb", folder,
                        ignore=lambda _, names: [name for name in names if not name.endswith((".bin", ".txt"))])
        shutil.copy(folder / "thumb-rv32-switch-rv32e.bin", folder / "thumb-rv32-goto-rv32ec.bin")
        self.assert_refused(70, "does something else than rv32-switch", "measure", self.image(COUNT),
                            env=os.environ | {"LIMPET_THUMB_IMAGES": str(folder)})

    def test_bad_input_is_refused(self):
        image = self.image(COUNT)
        self.assert_refused(64, "isa", "measure", image, "--isa", "z80")
        self.assert_refused(3, "not an eBPF program", "measure", image, "--isa", "ebpf")
        self.assert_refused(64, "--args", "measure", image, "--args", "x")
        self.assert_refused(64, "--fuel", "measure", image, "--fuel", "x")
        self.assert_refused(64, "FILE", "measure")
        self.assert_refused(3, "gone.limpet", "measure", self.folder / "gone.limpet")
        self.assert_refused(3, "no entry 'none'", "measure", image, "--entry", "none")
        self.assert_refused(64, "mock.json", "measure", image, "--mock", self.folder / "mock.json")
        self.assert_refused(3, "images", "measure", image, env=os.environ | {"LIMPET_THUMB_IMAGES": "/gone"})
