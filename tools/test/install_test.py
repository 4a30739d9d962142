"""The installed library, as a firmware's build finds and links it; and the build settings that choose it."""

import subprocess
import unittest

from support import SOURCE, GuestTest, backends, thumb_backends


class Install(GuestTest):
    def cmake(self, *arguments):
        result = subprocess.run(["cmake", *map(str, arguments)], capture_output=True, text=True)
        return result.returncode, result.stdout + result.stderr

    def must(self, *arguments):
        status, output = self.cmake(*arguments)
        self.assertEqual(status, 0, output)

    def test_a_consumer_finds_links_and_runs_each_backend(self):
        for number, backend in enumerate(backends()):
            with self.subTest(backend=backend):
                consumer = self.folder / f"consumer{number}"
                is_thumb = backend in thumb_backends()
                toolchain = [f"-DCMAKE_TOOLCHAIN_FILE={SOURCE}/firmware/cortex-m0plus.cmake"] if is_thumb else []
                build, prefix = (self.folder / f"{what}{is_thumb}" for what in ("build", "prefix"))
                self.must("-S", SOURCE, "-B", build, "-G", "Ninja", f"-DLIMPET_BACKEND={backend}", *toolchain)
                self.must("--build", build, "--target", "limpet")
                self.must("--install", build, "--prefix", prefix)
                self.must("-S", SOURCE / "tools/test/consumer", "-B", consumer, "-G", "Ninja",
                          f"-Dlimpet_DIR={prefix}/lib/cmake/limpet", *toolchain)
                self.must("--build", consumer)
                if not is_thumb:  # the suite runs those
                    self.assertEqual(subprocess.run([consumer / "consumer"]).returncode, 0)
                self.assertEqual(sorted(str(path.relative_to(prefix)) for path in prefix.rglob("*.[ha]")),
                                 ["include/limpet.h", "include/limpet_bpf.h", "include/limpet_calls.h",
                                  "include/limpet_calls_templates.h", "lib/liblimpet.a"])

    def test_unknown_settings_list_the_valid_ones(self):
        for setting, words in (("LIMPET_BACKEND", "unknown backend 'nonsense'; there is: rv32-switch"),
                               ("LIMPET_ISA", "unknown isa 'nonsense'; there is: rv32e, rv32ec, rv32emc")):
            status, output = self.cmake("-S", SOURCE, "-B", self.folder / setting, "-G", "Ninja",
                                        f"-D{setting}=nonsense")
            self.assertNotEqual(status, 0)
            self.assertIn(words, " ".join(output.split()))


if __name__ == "__main__":
    unittest.main()
