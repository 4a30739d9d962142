# This file may be distributed under the terms of the GNU GPLv3 license (see LICENSE of firmware/klipper).
"""The microcontroller's side of PROTOCOL.md, as far as it can be without running guests."""

import zlib


class Vm:
    def __init__(self, params):
        self.params = params
        self.block = bytearray(params["readonly"] + params["writable"] + params["code"] + 4)
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

    def config_limpet(self, params):
        assert params["oid"] not in self.vms
        self.vms[params["oid"]] = Vm(params)

    def limpet_device(self, params):
        self.vms[params["oid"]].devices.append((params["kind"], params["device"], params["value"]))

    def limpet_write(self, params):
        vm = self.vms[params["oid"]]
        vm.sealed = False
        if params["offset"] == 0:
            vm.block[:] = bytes(len(vm.block))
        end = params["offset"] + len(params["data"])
        assert end <= len(vm.block)
        vm.block[params["offset"]:end] = params["data"]

    def limpet_seal(self, params):
        vm = self.vms[params["oid"]]
        vm.sealed = params["crc"] == zlib.crc32(bytes(vm.block), zlib.crc32(b"rv32ec plain"))
        return [self.state(params["oid"], dict(self.ended, status=0 if vm.sealed else 8))]

    def limpet_call(self, params):
        words = [params["a%d" % i] for i in range(5)]
        self.calls.append((params["oid"], params["entry"], words, params["data"]))
        return ([("limpet_message", {"oid": params["oid"], "message": number, "data": data})
                 for number, data in self.messages] + [self.state(params["oid"], self.ended)])

    def state(self, oid, values):
        return "limpet_state", dict(values, oid=oid)
