# This file may be distributed under the terms of the GNU GPLv3 license (see LICENSE of firmware/klipper).
"""install.sh in a scratch home."""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path

ADD_ON = Path(__file__).resolve().parent.parent
MOONRAKER = "[server]\nhost: 0.0.0.0\n\n\n[update_manager klipper]\nchannel: dev\n"


class InstallTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.home = Path(folder.name) / "home of a printer"
        self.extras = self.home / "klipper/klippy/extras"
        self.extras.mkdir(parents=True)
        self.link = self.extras / "limpet"
        self.moonraker = self.home / "printer_data/config/moonraker.conf"
        self.moonraker.parent.mkdir(parents=True)
        # A copy of Limpet that has come from somewhere.
        self.copy = self.home / "limpet/firmware/klipper"
        (self.copy / "klippy/limpet").mkdir(parents=True)
        (self.copy / "install.sh").write_bytes((ADD_ON / "install.sh").read_bytes())
        self.git("init", "-q", "-b", "main")
        self.git("remote", "add", "origin", "https://example.org/limpet.git")

    def git(self, *words):
        subprocess.run(["git", "-C", self.home / "limpet", *words], check=True, env=self.environment())

    def environment(self):
        return {"PATH": os.environ["PATH"], "HOME": str(self.home)}

    def install(self, *words, status=0):
        done = subprocess.run(["sh", self.copy / "install.sh", *words], env=self.environment(), capture_output=True,
                              text=True, check=False)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout if status == 0 else done.stderr

    def test_link(self):
        self.assertIn("linked", self.install())
        self.assertEqual(os.readlink(self.link), str(self.copy / "klippy/limpet"))
        self.assertNotIn("linked", self.install())
        self.link.unlink()
        self.link.symlink_to("/an/older/copy")
        self.assertIn("linked", self.install())
        self.assertEqual(os.readlink(self.link), str(self.copy / "klippy/limpet"))
        self.install("-u")
        self.assertFalse(os.path.lexists(self.link))
        self.assertEqual(self.install("-u"), "")
        self.assertEqual(list(self.extras.iterdir()), [])

    def test_moonraker(self):
        self.moonraker.write_text(MOONRAKER)
        self.install()
        text = self.moonraker.read_text()
        self.assertTrue(text.startswith(MOONRAKER))
        self.assertEqual(text.count("[update_manager limpet]"), 1)
        for line in (f"path: {self.home / 'limpet'}", "origin: https://example.org/limpet.git", "primary_branch: main"):
            self.assertIn(line + "\n", text)
        self.assertNotIn("changed", self.install())
        self.assertEqual(self.moonraker.read_text(), text)
        self.moonraker.write_text(text + "\n[authorization]\n")
        self.assertIn("changed", self.install())  # what was behind it is before it now
        self.assertEqual(self.moonraker.read_text().count("[update_manager limpet]"), 1)
        self.install("-u")
        self.assertEqual(self.moonraker.read_text(), MOONRAKER + "\n[authorization]\n")

    def test_moonraker_is_left_alone(self):
        self.install()
        self.assertFalse(self.moonraker.exists())
        self.moonraker.write_text(MOONRAKER)
        self.git("remote", "remove", "origin")
        self.assertIn("no origin", self.install())
        self.assertEqual(self.moonraker.read_text(), MOONRAKER)

    def test_other_places(self):
        other = self.home / "elsewhere"
        (other / "klippy/extras").mkdir(parents=True)
        conf = self.home / "other.conf"
        conf.write_text("")
        self.install(other, conf)
        self.assertTrue((other / "klippy/extras/limpet").is_symlink())
        self.assertIn("[update_manager limpet]", conf.read_text())
        self.install("-u", other, conf)
        self.assertEqual(conf.read_text(), "")

    def test_refusals(self):
        self.assertIn("no klippy/extras", self.install(self.home, status=1))
        self.assertIn("usage", self.install("a", "b", "c", status=1))
        self.link.mkdir()
        self.assertIn("not a link", self.install(status=1))
        self.assertIn("not a link", self.install("-u", status=1))
        self.assertTrue(self.link.is_dir())


if __name__ == "__main__":
    unittest.main()
