# This file may be distributed under the terms of the GNU GPLv3 license (see LICENSE of firmware/klipper).
"""What tests with klippy have in common."""

import atexit
import functools
import os
import tempfile
import unittest
from pathlib import Path

from printer import Printer, Workshop

LIMPET = os.environ["LIMPET"]


@functools.cache
def workshop():
    """One for all tests: building it takes most of the time."""
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    return Workshop(Path(folder.name))


class KlippyTest(unittest.TestCase):
    def setUp(self):
        self.workshop = workshop()

    def printer(self, config, second="guest"):
        result = Printer(self.workshop, config, second)
        self.addCleanup(result.stop)
        for _ in range(3):  # a PC that is busy is too late for what Klipper has scheduled at the start
            if "Timer too close" not in result.state()[1]:
                break
            result.restart("firmware_restart")
        return result

    def source(self, text, name="driver.c"):
        path = self.workshop.folder / name
        path.write_text(text)
        return path
