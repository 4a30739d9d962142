# This file may be distributed under the terms of the GNU GPLv3 license (see LICENSE of firmware/klipper).
"""One guest on a microcontroller: uploaded with klippy's configuration, called, listened to, and reported when it
fails."""

import logging

from . import firmware, klipper
from .container import ImageError

READY, BUSY, REFUSED, SHUTDOWN = 0, 7, 8, 11  # status; the others: it failed
FAILURES = {
    1: "an instruction that does not exist",
    2: "a load from {address:#x}, which is not its memory",
    3: "a store to {address:#x}, which it may not write",
    4: "a jump to {address:#x}, where there is no code",
    5: "a breakpoint",
    6: "a call of the firmware with an argument that it refuses",
    10: "a run of more than {limit_ms:g} ms",
}
ANSWER_SECONDS = 5.0
RETRY_SECONDS = 0.010
SHUTDOWN_TEXT = "Limpet driver"  # what Klipper's firmware says when a guest has stopped it


class Guest:
    """name: how users know it. on_fault: "report" or "shutdown". reasons: texts of try_shutdown's numbers."""

    def __init__(self, mcu, oid, name, options, reasons=None):
        self.mcu = mcu
        self.oid = oid
        self.name = name
        self.printer = mcu.get_printer()
        self.reactor = self.printer.get_reactor()
        self.on_fault = options.on_fault
        self.slices = options.slices
        self.reasons = reasons or {}
        self.listener = None  # of messages: (name, fields, params); in the background thread
        self.image = None
        self.state = "loading"
        self.fault = None
        self.result = 0
        self.overruns = 0
        self.messages = {}
        self._call = self._message = None
        self._waiting = None

    def load(self, image, offers, devices):
        """The configuration commands, and those of a restart. devices: (kind, number, value) in the order of handles.
        Raises ImageError when the firmware, `offers`, cannot run the image."""
        self.image = image
        block = offers.block(image)
        total = offers.sum(block)
        config = [firmware.configure(self.oid, image, self.slices)]
        config += [firmware.device(self.oid, *device) for device in reversed(devices)]
        logging.info("Limpet: '%s' on MCU '%s' is image %s: %d bytes, %s", self.name, self.mcu.get_name(),
                     image.build_id, len(block), ", ".join(sorted(image.entries)))
        return config + firmware.upload(self.oid, block, total, True), firmware.upload(self.oid, block, total, False)

    def listen(self, serial):
        """Takes its messages from now on; klippy's own way would miss the answer to the upload."""
        self._call = self.mcu.lookup_command(firmware.COMMAND)
        self._message = serial.get_msgparser().lookup_command(firmware.COMMAND)
        klipper.explain_shutdown(self.printer, SHUTDOWN_TEXT, self._explain_shutdown)
        serial.get_msgparser().lookup_command(firmware.ANSWER)
        serial.register_response(self._handle_answer, firmware.ANSWER.split()[0], self.oid)

    # What it is told

    def call_words(self, entry, words, data=b""):
        """The parameters of a command. Raises ImageError when it has no such entry."""
        if entry not in self.image.entries:
            raise ImageError("'%s' has no entry '%s'; it has: %s" % (self.name, entry,
                                                                    ", ".join(sorted(self.image.entries))))
        words = [word & 0xffffffff for word in words]
        return firmware.call(self.oid, self.image.entries[entry], words, data)

    def call(self, entry, words=(), data=b""):
        """Calls an entry and waits for its end. Returns what it returned; None: it did not, which is reported."""
        arguments = self.call_words(entry, words, data)
        if len(self._message.encode(arguments)) > firmware.MESSAGE_BYTES_MAX:
            raise ImageError("ARGS and data do not fit into one message")
        if self.mcu.is_fileoutput():
            self._call.send(arguments)
            return 0
        end = self.reactor.monotonic() + ANSWER_SECONDS
        while True:
            completion = self._waiting = self.reactor.completion()
            self._call.send(arguments)
            params = completion.wait(end)
            if params is None:
                raise ImageError("'%s' does not answer" % self.name)
            if params["status"] != BUSY:
                return params["result"] if params["status"] == READY else None
            if self.reactor.monotonic() > end:
                raise ImageError("'%s' is busy: an earlier run is still under way" % self.name)
            self.reactor.pause(self.reactor.monotonic() + RETRY_SECONDS)

    # What it tells, in the background thread

    def _handle_answer(self, params):
        state = firmware.state(params)
        if state is None:
            self._handle_message(params)
        else:
            self._handle_state(state)

    def _handle_message(self, params):
        message = self.image.messages.get(params["message"])
        name, fields = "message_%d" % params["message"], {"data": params["data"].hex()}
        if message is not None:
            name = message.name
            try:
                fields = message.decode(params["data"])
            except ValueError as error:
                logging.warning("Limpet: '%s': %s", self.name, error)
        self.messages[name] = fields
        if self.listener is not None:
            self.listener(name, fields, params)

    def _handle_state(self, params):
        status = params["status"]
        self.overruns = params["overruns"]
        if status == READY:
            self.state, self.fault, self.result = "ready", None, params["result"]
        elif status == SHUTDOWN:
            self.state = "shutdown"
            self.fault = self.reasons.get(params["result"], "reason %d of its driver" % params["result"])
        elif status != BUSY and self.fault is None:
            self.state, self.fault = "stopped", self.describe(params)
            self.reactor.register_async_callback(lambda eventtime: self._report())
        waiting, self._waiting = self._waiting, None  # the next state is of something else
        if waiting is not None:
            self.reactor.async_complete(waiting, params)

    def _explain_shutdown(self, message, details):
        """For klippy's error message: None, unless it was this guest."""
        return "Limpet: '%s': %s" % (self.name, self.fault) if self.state == "shutdown" else None

    def describe(self, params):
        """What went wrong, for a user: reason, source line, pc."""
        if params["status"] == REFUSED:
            return "the firmware did not take it" if self.state == "loading" else "it is not loaded"
        reason = FAILURES.get(params["status"], "status %d" % params["status"])
        limit_ms = self.slices * firmware.SLICE_SECONDS * 1000.
        line = self.image.source_line(params["pc"])
        return "%s (%spc %#x)" % (reason.format(limit_ms=limit_ms, **params), line + ", " if line else "", params["pc"])

    def _report(self):
        text = "Limpet: '%s' stopped: %s" % (self.name, self.fault)
        logging.error("%s", text)
        if self.on_fault == "shutdown":
            self.printer.invoke_shutdown(text)
        else:
            self.printer.lookup_object("gcode").respond_raw("!! " + text)

    def get_status(self, eventtime=None):
        return {"state": self.state, "fault": self.fault, "result": self.result, "overruns": self.overruns,
                "messages": dict(self.messages)}


class Options:
    """What a config section says about guests."""

    def __init__(self, config):
        self.on_fault = config.getchoice("on_fault", {"report": "report", "shutdown": "shutdown"}, "report")
        limit = config.getfloat("time_limit", 0.010, minval=firmware.SLICE_SECONDS,
                                maxval=firmware.SLICES_MAX * firmware.SLICE_SECONDS)
        self.slices = int(limit / firmware.SLICE_SECONDS + 0.5)
