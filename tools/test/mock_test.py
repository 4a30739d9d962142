"""`limpet run --mock`: the firmware around a guest, scripted by a file."""

import functools
import json
import pathlib
import subprocess
import tempfile
import unittest

from support import LIMPET, SOURCE, GuestTest, backends

# Each entry makes one host call with what the schedule gives it, and tells what came back.
PROBE = """
#include "limpet_guest.h"
#include "limpet_imports.h"

static uint8_t data[64];

struct reading { uint32_t clock; int16_t value[2]; char unit; };
LIMPET_MESSAGE(7, struct reading);

void LIMPET_ENTRY(spi)(uint32_t bus) {
    const uint8_t length = receive(data, sizeof data);
    spi_transfer((limpet_spi){bus}, data, length);
    respond(0, data, length);
}
uint32_t LIMPET_ENTRY(exchange)(uint32_t sent, uint32_t length) { return spi_exchange((limpet_spi){0}, sent, length); }
void LIMPET_ENTRY(i2c_get)(uint32_t address, uint32_t length) {
    data[0] = i2c_read((limpet_i2c){0}, address, data + 1, length);
    respond(0, data, length + 1);
}
uint32_t LIMPET_ENTRY(i2c_put)(void) { return i2c_write((limpet_i2c){0}, data, receive(data, sizeof data)); }
uint32_t LIMPET_ENTRY(pin)(uint32_t pin) { return gpio_in_read((limpet_gpio_in){pin}); }
uint32_t LIMPET_ENTRY(bits)(uint32_t count) { return shift_in((limpet_gpio_in){0}, (limpet_gpio_out){0}, count); }
void LIMPET_ENTRY(set)(uint32_t level) { gpio_out_write((limpet_gpio_out){0}, level); }
uint32_t LIMPET_ENTRY(time)(void) { return timer_read_time(); }
void LIMPET_ENTRY(send)(uint32_t message) { respond(message, data, receive(data, sizeof data)); }
void LIMPET_ENTRY(bulk)(void) { bulk_report(data, receive(data, sizeof data)); }
void LIMPET_ENTRY(stop)(uint32_t reason) { try_shutdown(reason); respond(9, data, 0); }
uint32_t LIMPET_ENTRY(wild)(void) { return receive((uint8_t*)0xffff0000, 4); }
uint32_t LIMPET_ENTRY(trap)(void) { return *(volatile uint32_t*)0xffff0000; }

static uint32_t ticks;
void LIMPET_ENTRY(start)(uint32_t clock, uint32_t period) { timer_start(clock, period); }
void LIMPET_ENTRY(sleep)(uint32_t first, uint32_t then) { timer_sleep(first); ticks = then; }
void LIMPET_ENTRY(poll)(uint32_t level, uint32_t poll, uint32_t rest) {
    timer_poll((limpet_gpio_in){0}, level, poll, rest);
}
uint32_t LIMPET_ENTRY(task)(uint32_t next_clock, uint32_t missed) {
    bulk_status(timer_read_time(), next_clock, missed);
    return ticks;
}
"""


@functools.cache
def folder():
    """Where images of this file are kept until all tests have run."""
    kept = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(kept.cleanup)
    return pathlib.Path(kept.name)


@functools.cache
def image(source, *options):
    """An image: of a driver by name, or of C text."""
    path = SOURCE / "firmware/drivers" / source
    if "\n" in source:
        path = folder() / f"{len(list(folder().iterdir()))}.c"
        path.write_text(source)
    output = folder() / f"{len(list(folder().iterdir()))}.limpet"
    subprocess.run([LIMPET, "build", path, "-o", output, *options], check=True)
    return output


class MockTest(GuestTest):
    def mock(self, text):
        return self.file((text if isinstance(text, str) else json.dumps(text)).encode(), "mock.json")

    def run_mock(self, mock, *options, guest=None):
        """Exit status, printed lines, standard error."""
        path = mock if isinstance(mock, pathlib.Path) else self.mock(mock)
        result = self.limpet("run", guest or image(PROBE), "--mock", path, *options)
        return result.returncode, [json.loads(line) for line in result.stdout.splitlines()], result.stderr.decode()

    def printed(self, mock, *options, **settings):
        """Expects a good end, and returns what was printed."""
        status, lines, errors = self.run_mock(mock, *options, **settings)
        self.assertEqual((status, errors), (0, ""))
        return lines

    def data(self, mock):
        return [line["args"]["data"] for line in self.printed(mock)]

    def results(self, mock, entry, count):
        """What an entry without arguments returns, again and again: guessed, and corrected."""
        found = []
        for _ in range(count):
            schedule = [{"entry": entry, "result": value} for value in found + [0x5a5a5a5a]]
            status, _, errors = self.run_mock(mock | {"schedule": schedule})
            self.assertEqual(status, 1)
            found.append(int(errors.split("the result is ")[1].split(",")[0]))
        return found


class Examples(MockTest):
    MOCKS = SOURCE / "firmware/drivers/mocks"

    def test_readings_of_a_max_are_printed_by_name(self):
        for backend in backends():
            lines = self.printed(self.MOCKS / "max31865.json", "--backend", backend, guest=image("max31865.c"))
            self.assertEqual({line["message"] for line in lines}, {"thermocouple_result"})
            self.assertEqual([list(line["fields"].values()) for line in lines], [
                [7000, 0x3b88, 0], [9000, 0x3b9c, 0], [11000, 0x3bb2, 0], [13000, 0x3bc6, 0],
                [15000, 0xffff, 0x81], [17000, 0x3bda, 0]])
            self.assertEqual(list(lines[0]["fields"]), ["next_clock", "value", "fault"])

    def test_faults_shut_the_firmware_down(self):
        for isa in ("rv32e", "rv32ec", "rv32emc", "rv32ecx", "rv32dense"):
            lines = self.printed(self.MOCKS / "max31865_shutdown.json", guest=image("max31865.c", "--isa", isa))
            self.assertEqual([line["call"] for line in lines], ["respond"] * 4 + ["try_shutdown"])

    def test_hello(self):
        lines = self.printed(self.MOCKS / "hello.json", guest=image("hello.c"))
        self.assertEqual([line["fields"] for line in lines], [{"clock": 123456, "text": "Hello, Limpet!"}])

    def test_every_example_goes_as_it_says(self):
        """An example is for the driver that it has its name from, and expects what the driver sends."""
        examples = sorted(self.MOCKS.glob("*.json"))
        self.assertGreater(len(examples), 5)
        for path in examples:
            with self.subTest(path=path.name):
                lines = self.printed(path, guest=image(path.stem.split("_")[0] + ".c"))
                self.assertNotEqual(lines, [])


class Values(MockTest):
    def test_results(self):
        for result, values in ((5, [5, 5]), ([1, 2, {"times": 2, "value": "0xff"}, -1], [1, 2, 255, 255, 2**32 - 1] * 1
                                + [2**32 - 1]),
                               ({"cycle": [3, {"times": 2, "value": 4}]}, [3, 4, 4, 3, 4, 4, 3]),
                               ({"start": 10, "step": -3}, [10, 7, 4, 1, 2**32 - 2]),
                               ({"at": {"0": 1, "2": 9}}, [1, 1, 9, 9])):
            mock = {"functions": {"timer_read_time": {"result": result}}}
            self.assertEqual(self.results(mock, "time", len(values)), values)

    def test_a_call_can_be_refused(self):
        mock = {"functions": {"timer_read_time": {"result": [1, "trap"]}}, "schedule": [{"entry": "time", "times": 2}]}
        status, _, errors = self.run_mock(mock)
        self.assertEqual(status, 2)
        self.assertRegex(errors, r"\Atrap=host-call pc=\w+ insn=\w+ refused by the mock: timer_read_time\(\)\n\Z")

    def test_buffers_that_the_host_writes(self):
        mock = {"functions": {"receive": {"result": 3, "out": {"data": ["010203", "0405060708"]}, "print": True}},
                "schedule": [{"entry": "send", "times": 3}]}
        lines = self.printed(mock)
        self.assertEqual([line["args"]["data"] for line in lines if line["call"] == "respond"], ["010203", "040506", "040506"])
        self.assertEqual(lines[0]["out"]["data"][:8], "01020300")
        self.assertEqual((lines[0]["result"], list(lines[0])), (3, ["clock", "call", "out", "result"]))

    def test_the_clock(self):
        self.assertEqual(self.results({}, "time", 3), [0, 1, 2])
        self.assertEqual(self.results({"clock": {"start": 100, "step": 7}}, "time", 3), [100, 107, 114])


class Messages(MockTest):
    def test_fields_by_name(self):
        mock = {"schedule": [{"entry": "send", "args": [7], "data": "01000000 0200 ffff 43"},
                             {"entry": "send", "args": [7], "data": "01000000 0200"},
                             {"entry": "send", "args": [8], "data": "0102"}]}
        first, second, third = self.printed(mock)
        self.assertEqual(first["fields"], {"clock": 1, "value": [2, -1], "unit": ord("C")})
        self.assertEqual(second["fields"], {"clock": 1, "value": [2]})
        self.assertEqual(third["args"], {"message": 8, "data": "0102"})

    def test_more_than_is_described_is_shown_as_it_is(self):
        self.assertEqual(self.printed({"schedule": [{"entry": "send", "args": [7], "data": "00" * 20}]})[0]["fields"],
                         "00" * 20)

    def test_any_buffer_can_be_a_message(self):
        mock = {"functions": {"bulk_report": {"message": "reading"}},
                "schedule": [{"entry": "bulk", "data": "05000000 0100 0200"}]}
        self.assertEqual(self.printed(mock)[0]["args"]["sample"], {"clock": 5, "value": [1, 2]})


class Spi(MockTest):
    def transfers(self, chip, *sent):
        return self.data({"spi": [chip], "schedule": [{"entry": "spi", "data": data} for data in sent]})

    def test_registers(self):
        chip = {"registers": {"0x01": ["aabb", "ccdd"], "5": "77"}}
        self.assertEqual(self.transfers(chip, "010000", "0100", "0000000000000000", "0200", "ff00"),
                         ["ffaabb", "ffcc", "ff00ccdd00007700", "ffdd", "ff00"])

    def test_written_registers_stay(self):
        write = {"write_bit": "0x80", "registers": {"1": "aabb"}}
        self.assertEqual(self.transfers(write, "81 11", "01 0000", "85 22 33", "05 000000"),
                         ["ffff", "ff11bb", "ffffff", "ff223300"])
        read = {"read_bit": "0x80", "registers": {"1": "aabb"}}
        self.assertEqual(self.transfers(read, "02 11", "81 0000"), ["ffff", "ffaa11"])

    def test_increment(self):
        chip = {"read_bit": "0x80", "registers": {"1": "aa", "2": "bb"}}
        self.assertEqual(self.transfers(chip | {"increment": False}, "810000"), ["ffaaaa"])
        self.assertEqual(self.transfers(chip | {"increment": "0x40"}, "810000", "c10000"), ["ffaaaa", "ffaabb"])
        self.assertEqual(self.transfers(chip | {"address_mask": 1}, "830000"), ["ffaabb"])

    def test_fifo(self):
        fifo = {"address": "0x32", "samples": ["0102", "0304"], "count": {"address": "0x34"}}
        self.assertEqual(self.transfers({"fifo": fifo}, "3400", "32000000", "32000000", "32000000"),
                         ["ff02", "ff010201", "ff030400", "ff000000"])
        fifo |= {"stays": True, "count": {"address": 2, "unit": 6, "bytes": 2}}
        self.assertEqual(self.transfers({"fifo": fifo}, "020000", "3200000000", "020000"),
                         ["ff000c", "ff01020304", "ff0000"])
        fifo["count"]["little_endian"] = True
        self.assertEqual(self.transfers({"fifo": fifo}, "020000"), ["ff0c00"])

    def test_samples_arrive_in_time(self):
        fifo = {"address": 1, "samples": ["01"] * 3, "every": 5, "count": {"address": 2}}
        # receive, transfer, respond take a tick each
        self.assertEqual(self.transfers({"fifo": fifo}, *["0200"] * 6), ["ff00", "ff00", "ff01", "ff02", "ff02", "ff03"])

    def test_replies(self):
        chip = {"replies": {"": "11", "80": ["2222", "3333"], "8001": "444444"}, "registers": {"0": "55"}}
        self.assertEqual(self.transfers(chip, "00", "0000", "8000", "8000", "80000000", "800100"),
                         ["11", "11ff", "2222", "3333", "3333ffff", "444444"])

    def test_late_answers(self):
        chip = {"late": True, "replies": {"": [f"{i:02x}" for i in range(1, 5)]}}
        self.assertEqual(self.transfers(chip, "00", "00", "00"), ["ff", "01", "02"])

    def test_faults(self):
        chip = {"registers": {"1": ["aa", "bb", "cc"]}, "faults": {"1": 0, "3": "0xff"}}
        self.assertEqual(self.transfers(chip, *["0100"] * 4), ["ffaa", "0000", "ffbb", "ffff"])

    def test_exchange(self):
        mock = {"spi": [{"registers": {"1": "aabbcc"}}]}
        for sent, length, result in ((0x01000000, 4, 0xffaabbcc), (0x0100, 2, 0xffaa), (0, 0, 0), (0, 5, 0)):
            self.printed(mock | {"schedule": [{"entry": "exchange", "args": [sent, length], "result": result}]})

    def test_each_handle_is_a_chip(self):
        mock = {"spi": [{"replies": {"": "01"}}, {"replies": {"": "02"}}],
                "schedule": [{"entry": "spi", "args": [bus], "data": "00"} for bus in (1, 0, 1)]}
        self.assertEqual(self.data(mock), ["02", "01", "02"])
        mock["schedule"] = [{"entry": "spi", "args": [2], "data": "00"}]
        status, _, errors = self.run_mock(mock)
        self.assertEqual(status, 2)
        self.assertRegex(errors, r"bad argument: spi_transfer\(bus=2, data=0x\w+, length=1\)\n\Z")

    def test_expected_bytes(self):
        sent = [{"entry": "spi", "data": "0102"}, {"entry": "spi", "data": "03"}]
        for expected, words in ((["0102", "03"], ""), (["01xx"], ""), (["xxx2", "0x"], ""),
                                (["0103"], "spi[0].expect[0]: 0102 was sent, not 0103"),
                                (["0102", "0304"], "spi[0].expect[1]: 03 was sent, not 0304"),
                                (["0102", "03", "04"], "spi[0].expect: 2 of 3 transfers were made")):
            status, _, errors = self.run_mock({"spi": [{"expect": expected}], "schedule": sent})
            self.assertEqual((status, errors), (1, f"limpet: {words}\n") if words else (0, ""))


class I2c(MockTest):
    def test_registers(self):
        mock = {"i2c": [{"registers": {"0x10": ["0102", "0304"]}, "expect": ["10", "11 55", "10"]}],
                "schedule": [{"entry": "i2c_get", "args": [16, 3]}, {"entry": "i2c_put", "data": "11 55", "result": 0},
                             {"entry": "i2c_get", "args": [16, 2]}]}
        self.assertEqual(self.data(mock), ["00010200", "000355"])

    def test_wide_registers(self):
        mock = {"i2c": [{"register_bytes": 2, "registers": {"0": "1122", "1": "3344"}}],
                "schedule": [{"entry": "i2c_get", "args": [0, 4]}, {"entry": "i2c_put", "data": "01 5566"},
                             {"entry": "i2c_get", "args": [1, 2]}]}
        self.assertEqual(self.data(mock), ["0011223344", "005566"])

    def test_failures(self):
        mock = {"i2c": [{"registers": {"0": "11"}, "faults": {"1": 3, "2": 2}}],
                "schedule": [{"entry": "i2c_get", "args": [0, 1]}, {"entry": "i2c_get", "args": [0, 1]},
                             {"entry": "i2c_put", "data": "0000", "result": 2}]}
        self.assertEqual(self.data(mock), ["0011", "0311"])


class Pins(MockTest):
    def test_levels(self):
        reads = [{"entry": "pin", "args": [1], "result": level} for level in (1, 0, 0)]
        self.printed({"gpio_in": [0, [1, 0]], "schedule": reads})
        self.printed({"gpio_in": [0, {"at": {"0": 1, "1": 0}}], "schedule": reads})

    def test_bits(self):
        self.printed({"gpio_in": [[1, 0, 1, 1, 0]], "schedule": [{"entry": "bits", "args": [6], "result": 0b101100}]})

    def test_outputs(self):
        mock = {"functions": {"gpio_out_write": {"print": True, "expect": [{"level": 1}, {"level": 0}]}},
                "schedule": [{"entry": "set", "args": [1]}, {"entry": "set", "args": [0]}]}
        self.assertEqual([line["args"] for line in self.printed(mock)],
                         [{"pin": 0, "level": True}, {"pin": 0, "level": False}])
        mock["schedule"].reverse()
        status, _, errors = self.run_mock(mock)
        self.assertEqual((status, errors),
                         (1, "limpet: functions.gpio_out_write.expect[0]: level is false, not true\n"))

    def test_handles(self):
        mock = {"handles": {"gpio_out": 0}, "schedule": [{"entry": "set"}]}
        self.assertIn("bad argument: gpio_out_write(pin=0, level=0)", self.run_mock(mock)[2])


class Timer(MockTest):
    def runs(self, *schedule, **members):
        lines = self.printed({"clock": {"step": 0}, "schedule": schedule} | members)
        self.assertEqual([line["clock"] for line in lines], [line["args"]["clock"] for line in lines])
        return [tuple(line["args"].values()) for line in lines]

    def test_period(self):
        self.assertEqual(self.runs({"entry": "start", "args": [100, 10]}, {"timer": 3}),
                         [(100, 110, 0), (110, 120, 0), (120, 130, 0)])

    def test_missed(self):
        self.assertEqual(self.runs({"entry": "start", "args": [0, 10]}, {"timer": 3}, clock={"start": 25, "step": 0}),
                         [(25, 30, 2), (30, 40, 0), (40, 50, 0)])

    def test_sleep(self):
        self.assertEqual(self.runs({"entry": "sleep", "args": [100, 7]}, {"timer": 3}),
                         [(100, 100, 0), (107, 107, 0), (114, 114, 0)])

    def test_poll(self):
        self.assertEqual(self.runs({"entry": "poll", "args": [1, 10, 50]}, {"timer": 2},
                                   gpio_in=[{"at": {"0": 0, "35": 1, "85": 0, "125": 1}}]), [(40, 90, 0), (130, 180, 0)])
        status, _, errors = self.run_mock({"gpio_in": [0], "schedule": [
            {"entry": "poll", "args": [1, 10, 50]}, {"timer": 2}]})
        self.assertEqual((status, errors), (1, "limpet: gpio_in[0]: never has the level 1\n"))

    def test_a_timer_that_does_not_run(self):
        for first in ({"entry": "start", "args": [100, 0]}, {"entry": "sleep", "args": [5, 0]}):
            status, _, errors = self.run_mock({"schedule": [first, {"timer": 3}]})
            self.assertEqual(status, 1)
            self.assertRegex(errors, r"\Alimpet: schedule\[1\]: the timer does not run, after [01] of 3 times\n\Z")


class Ends(MockTest):
    def test_shutdown(self):
        stop = {"schedule": [{"entry": "stop", "args": [4]}]}
        status, lines, errors = self.run_mock(stop)
        self.assertEqual((status, errors), (1, "limpet: the guest stopped the firmware: try_shutdown, reason 4\n"))
        self.assertEqual([line["call"] for line in lines], ["try_shutdown"])
        self.printed(stop | {"end": "shutdown"})
        status, _, errors = self.run_mock({"schedule": [{"entry": "time"}], "end": "shutdown"})
        self.assertEqual((status, errors), (1, "limpet: end: the guest did not stop the firmware\n"))

    def test_traps(self):
        status, _, errors = self.run_mock({"schedule": [{"entry": "trap"}]})
        self.assertEqual(status, 2)
        self.assertRegex(errors, r"\Atrap=load pc=\w+ insn=\w+\n\Z")
        status, _, errors = self.run_mock({"schedule": [{"entry": "wild"}]})
        self.assertEqual(status, 2)
        self.assertRegex(errors, r"\Atrap=host-call .* bad argument: receive\(data=0xffff0000, length=4\)\n\Z")

    def test_expected_calls_that_are_missing(self):
        mock = {"functions": {"respond": {"expect": [{}, {"message": 1}]}}, "schedule": [{"entry": "send"}]}
        status, _, errors = self.run_mock(mock)
        self.assertEqual((status, errors), (1, "limpet: functions.respond.expect: 1 of 2 calls were made\n"))

    def test_entry_instead_of_the_schedule(self):
        mock = {"schedule": [{"entry": "trap"}]}
        self.assertEqual(self.printed(mock, "--entry", "send", "--args", 3)[0]["args"],
                         {"message": 3, "data": ""})
        self.assert_refused(64, "--entry", "run", image(PROBE), "--mock", self.mock(mock), "--args", 3)

    def test_all_backends(self):
        for backend in backends():
            self.printed({"schedule": [{"entry": "time", "result": 0}]}, "--backend", backend)


class OtherFirmware(MockTest):
    def test_functions_that_klipper_does_not_have(self):
        calls = self.file(b"u8 mix(i16 low, inout u16[#3] table, bool on, u32 length)\nvoid done()\n", "my.calls")
        source = """
            #include "limpet_guest.h"
            #include "limpet_imports.h"
            uint32_t LIMPET_ENTRY(command)(void) {
                uint16_t table[2] = {1, 2};
                const uint32_t result = mix(-5, table, true, 2);
                done();
                return result << 16 | table[1];
            }
            """
        guest = image(source, "--imports", calls)
        mock = {"schedule": [{"entry": "command", "result": "0xff0002"}]}
        mix = {"result": 511, "expect": [{"0": -5, "1": "0100xx00", "2": True}]}
        lines = self.printed(mock | {"functions": {"mix": mix}}, guest=guest)
        self.assertEqual(lines[0], {"clock": 0, "call": "mix", "args": {"0": -5, "1": "01000200", "2": True},
                                    "out": {"1": "01000200"}, "result": 255})
        self.assertEqual(lines[1], {"clock": 1, "call": "done"})
        named = {"calls": "my.calls", "functions": {"mix": {"result": 255, "out": {"table": "aaaabbbb"}}},
                 "schedule": [{"entry": "command", "result": 0xffbbbb}]}
        self.assertEqual(self.printed(named, guest=guest)[0]["out"], {"table": "aaaabbbb"})
        self.assert_refused(3, "imports 'void done()', which the firmware does not declare", "run", guest, "--mock", self.mock({"schedule": [{"entry": "command"}]}),
                            "--imports", SOURCE / "firmware/sdk/klipper.calls")

    def test_elf_files(self):
        elf = folder() / "probe.elf"
        image(PROBE, "--debug", elf)
        self.printed({"schedule": [{"entry": "time", "result": 0}]}, guest=elf)


class Trace(MockTest):
    def test_host_calls_symbols_and_source_lines(self):
        elf = folder() / "hello.elf"
        guest = image("hello.c", "--debug", elf)
        result = self.limpet("run", guest, "--mock", Examples.MOCKS / "hello.json", "--trace", "--symbols", elf)
        self.assertEqual((result.returncode, result.stdout.count(b"\n")), (0, 1))
        trace = result.stderr.decode()
        self.assertRegex(trace, r"  timer_read_time\(\)  x10=0001e240  ; <limpet_entry_command\+0x\w+>( [\w.]+:\d+)?\n")
        self.assertRegex(trace, r"  receive\(data=0x\w+, length=32\)  x10=0000000e  ;")
        self.assertRegex(trace, r"  respond\(message=0, data=0x\w+, length=18\)  ;")
        self.assertRegex(trace, r"; <limpet_entry_command> hello\.c:\d+\n")


class BadFiles(MockTest):
    def refused(self, text, words):
        self.assert_refused(64, words, "run", image(PROBE), "--mock", self.mock(text))

    def test_mistakes_are_named(self):
        for text, words in (
                ("", "parse error"), ("{", "parse error"), ("[" * 100000, "parse error"), ("[]", "not an object"),
                ("\xff\xfe", "parse error"), ({"spy": []}, 'unknown "spy"'), ({"spi": {}}, "spi: is not a list"),
                ({"a\n\x1b[1m" + "b" * 10000: 1}, "unknown"),
                ({"spi": [1]}, "spi[0]: is not an object"), ({"spi": [{"x": 1}]}, 'spi[0]: unknown "x"'),
                ({"spi": [{"registers": {"x": "00"}}]}, "spi[0].registers: 'x' is not a number"),
                ({"spi": [{"registers": {"1": "0"}}]}, "spi[0].registers.1: '0' is not pairs"),
                ({"spi": [{"registers": {"1": ["00", 1]}}]}, "spi[0].registers.1[1]: is not a text"),
                ({"spi": [{"registers": {"1": []}}]}, "an empty list"), ({"spi": [{"read_bit": 1, "write_bit": 2}]}, "write_bit"),
                ({"spi": [{"register_bytes": 0}]}, "must not be 0"), ({"spi": [{"expect": ["0g"]}]}, "spi[0].expect[0]"),
                ({"spi": [{"fifo": {"address": 1, "samples": []}}]}, "samples"),
                ({"spi": [{"fifo": {"address": 1, "samples": ["00", "0000"]}}]}, "one size"),
                ({"spi": [{"fifo": {"samples": ["00"]}}]}, 'needs "address"'),
                ({"gpio_in": [2]}, "gpio_in[0]: a level is 0 or 1"), ({"gpio_in": [{"at": {"5": 1}}]}, "clock 0"),
                ({"gpio_in": [[{"times": 0, "value": 1}]]}, "0 times"), ({"handles": {"spi": 2}}, "handles.spi"),
                ({"handles": {"dac": 2**32}}, "handles.dac: is not a number"), ({"handles": {"dac": 10**6}}, "more than"),
                ({"clock": {"start": -2**31 - 1}}, "clock.start"), ({"clock": {"start": 1.5}}, "clock.start"),
                ({"functions": {"nothing": {}}}, "functions.nothing: no host call"),
                ({"functions": {"respond": {"expect": [{"x": 1}]}}}, "respond has no argument 'x'"),
                ({"functions": {"respond": {"out": {"data": "00"}}}}, "does not write"),
                ({"functions": {"respond": {"result": "x"}}}, "functions.respond.result"),
                ({"schedule": []}, "schedule: an empty list"), ({"schedule": [{}]}, 'schedule[0]: needs "entry"'),
                ({"schedule": [{"entry": "none"}]}, "schedule[0]: no entry 'none'"),
                ({"schedule": [{"entry": "time", "args": [0] * 7}]}, "at most 6"),
                ({"schedule": [{"timer": 1, "args": []}]}, 'schedule[0]: unknown "args"'),
                ({"end": "x"}, "end: is neither"), ({"calls": "none.calls"}, "none.calls")):
            with self.subTest(text=text):
                self.refused(text, words)

    def test_files_that_cannot_be_read(self):
        for path in (self.folder / "none", self.folder):
            self.assert_refused(64, str(path), "run", image(PROBE), "--mock", path)


if __name__ == "__main__":
    unittest.main()
