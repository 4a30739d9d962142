# This file may be distributed under the terms of the GNU GPLv3 license (see LICENSE of firmware/klipper).
"""The microcontroller's side of PROTOCOL.md, as far as it can be without running guests."""

import binascii
import struct
import zlib

GPIO_OUT, CONFIGURE, WRITE, SEAL, CALL = 3, 6, 7, 8, 9


def reversed_bits(value, count):
    return int(format(value, "0%db" % count)[::-1], 2)


def sum_of(block):
    """CRC-16 as Klipper has it: that of CCITT with the bits in the other order."""
    remainder = binascii.crc_hqx(bytes(reversed_bits(byte, 8) for byte in block), 0xffff)
    return reversed_bits(remainder, 16) + zlib.crc32(b"rv32ec plain") % 256


def state(oid, status=0, pc=0, address=0, result=0, overruns=0):
    """How a firmware tells it."""
    return {"oid": oid, "message": -1 - overruns, "data": struct.pack("<4I", pc, result, address, status)}


class Vm:
    def __init__(self, readonly, slices, writable, code):
        self.readonly, self.slices, self.writable = readonly, slices, writable
        self.block = bytearray(self.readonly + writable + code + 4)
        self.devices = []
        self.sealed = False


class Firmware:
    """Carries out commands of a configuration. calls: (oid, entry, words, data)."""

    def __init__(self, mcu):
        self.mcu = mcu
        self.vms = {}
        self.calls = []
        self.ended = {"status": 0, "pc": 0, "address": 0, "result": 0, "overruns": 0}  # how every call ends
        self.messages = []  # what every call sends: (number, bytes)
        mcu.answer = self.carry_out

    def configure(self, commands):
        for command in commands:
            self.mcu.receive(self.mcu.parser.create_command(command))

    def carry_out(self, name, params):
        handler = getattr(self, name, None)
        return handler(params) or [] if handler else []

    def limpet(self, params):
        oid, operation, data = params["oid"], params["do"], params["data"]
        a, b = params["a"], params["b"]
        if operation == CONFIGURE:
            assert oid not in self.vms
            self.vms[oid] = Vm(a & 0xffff, a >> 16, b & 0xffff, b >> 16)
            return []
        vm = self.vms[oid]
        if operation == WRITE:
            vm.sealed = False
            assert a + len(data) <= len(vm.block)
            vm.block[a:a + len(data)] = data
        elif operation == SEAL:
            vm.sealed = a == sum_of(vm.block)
            return [self.state(oid, dict(self.ended, status=0 if vm.sealed else 8))]
        elif operation == CALL:
            return self.call(oid, a, list(struct.unpack("<5I", data[:20])), data[20:])
        elif operation <= GPIO_OUT:
            vm.devices.insert(0, (operation, a, b))
        else:
            vm.devices.append((operation, a, b))
        return []

    def call(self, oid, entry, words, data):
        self.calls.append((oid, entry, words, data))
        return ([("limpet_data", {"oid": oid, "message": number, "data": data})
                 for number, data in self.messages] + [self.state(oid, self.ended)])

    def state(self, oid, values):
        return "limpet_data", state(oid, **values)
