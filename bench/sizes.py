#!/usr/bin/python3
"""What a change costs or saves in flash, symbol by symbol.

    scripts/sizes BEFORE [AFTER] [--backend rv32-goto] [--isa rv32ec] [--opt -O2]

BEFORE and AFTER are commits; without AFTER it is the working tree. Bytes are those of flash_bytes: of a linked image
(firmware/flash), less those of the same image without a backend. Each commit is built in build/sizes/, once.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
from measuring import ISAS, REFERENCE, ROOT, MeasuringError, Variant, command

BUILD = ROOT / "build/sizes"
NO_SYMBOL = "(no symbol: tables, padding)"


def symbols_of(listing):
    """{name: bytes} of what `nm -S -C` prints. Symbols of the same name are added up; aliases are counted once."""
    found, seen = {}, set()
    for line in listing.splitlines():
        words = line.split(maxsplit=3)
        if len(words) < 4 or words[2] not in "tTrRdDvVwWuV":
            continue  # no size, or not in flash
        place = (words[0], words[1])
        if place in seen:
            continue
        seen.add(place)
        found[words[3]] = found.get(words[3], 0) + int(words[1], 16)
    return found


def with_rest(symbols, total_bytes):
    """The symbols, and what of the image is in none of them."""
    return symbols | {NO_SYMBOL: total_bytes - sum(symbols.values())}


def of_image(image):
    listing = command(["arm-none-eabi-nm", "-S", "-C", image])
    size = command(["arm-none-eabi-size", image]).splitlines()[1].split()
    return with_rest(symbols_of(listing), int(size[0]) + int(size[1]))


def of_backend(image, image_without):
    """{name: bytes} of what the backend adds to the image without one: flash_bytes in all."""
    whole, others = of_image(image), of_image(image_without)
    added = {name: whole.get(name, 0) - others.get(name, 0) for name in whole.keys() | others.keys()}
    return {name: added_bytes for name, added_bytes in added.items() if added_bytes != 0}


def differences(before, after):
    """[(difference, before, after, name)] of all that differs, what grew most first."""
    changed = [(after.get(name, 0) - before.get(name, 0), before.get(name, 0), after.get(name, 0), name)
               for name in before.keys() | after.keys()]
    return sorted((one for one in changed if one[0] != 0), key=lambda one: (-one[0], one[3]))


class Tree:
    """A commit, or the working tree, built for Cortex-M0+."""

    def __init__(self, revision):
        if revision is None:
            self.name, self.source, self.build = "working tree", ROOT, BUILD / "tree"
        else:
            done = subprocess.run(["git", "-C", ROOT, "rev-parse", "--verify", "--quiet", revision + "^{commit}"],
                                  capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise MeasuringError(f"no commit {revision}")
            commit = done.stdout.strip()
            self.name, self.source, self.build = commit[:10], BUILD / commit / "source", BUILD / commit / "build"
            self._extract(commit)

    def _extract(self, commit):
        if self.source.is_dir():
            return
        half_done = self.source.with_suffix(".new")
        half_done.mkdir(parents=True, exist_ok=True)
        command(["sh", "-c", f'git -C "{ROOT}" archive {commit} | tar -x -C "{half_done}"'])
        half_done.rename(self.source)

    def symbols(self, backend, isa, opt):
        command(["cmake", "-S", self.source, "-B", self.build, "-G", "Ninja",
                 f"-DCMAKE_TOOLCHAIN_FILE={self.source}/firmware/cortex-m0plus.cmake"])
        registered = json.loads((self.build / "firmware/backends.json").read_text())
        if backend not in registered:
            raise MeasuringError(f"{self.name}: no backend {backend}; there is: {', '.join(registered)}")
        images = [f"firmware/{Variant(backend, isa, opt or registered[backend]).flash_image}",
                  "firmware/flash-none.elf"]
        command(["ninja", "-C", self.build, *images])
        return of_backend(*(self.build / image for image in images))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before")
    parser.add_argument("after", nargs="?")
    parser.add_argument("--backend", default=REFERENCE)
    parser.add_argument("--isa", default="rv32ec", choices=ISAS)
    parser.add_argument("--opt", choices=["-O2", "-Os"], help="of the backend; default: as registered")
    return parser.parse_args()


def main():
    options = arguments()
    trees = [Tree(options.before), Tree(options.after)]
    before, after = (tree.symbols(options.backend, options.isa, options.opt) for tree in trees)
    print(f"{'':>7} {trees[0].name:>12} {trees[1].name:>12}  {options.backend} {options.isa}")
    for difference, old, new, name in differences(before, after):
        print(f"{difference:+7} {old or '':>12} {new or '':>12}  {name}")
    old, new = sum(before.values()), sum(after.values())
    print(f"{new - old:+7} {old:>12} {new:>12}  flash_bytes")


if __name__ == "__main__":
    try:
        main()
    except MeasuringError as error:
        sys.exit(f"sizes: {error}")
