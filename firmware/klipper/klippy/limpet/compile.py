# This file may be distributed under the terms of the GNU GPLv3 license (see LICENSE of firmware/klipper).
"""A driver's C becomes an image, by the command `limpet`; one that was compiled before is not compiled again."""

import os
import shutil
import subprocess

from .container import ImageError

ROOT = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "..", "..")
SECONDS_MAX = 120


def find_command(wanted):
    """The path of the command; `wanted`: what the user said, or None."""
    if wanted is not None:
        return os.path.expanduser(wanted)
    built = os.path.join(ROOT, "build", "host", "tools", "limpet")
    return built if os.path.exists(built) else shutil.which("limpet")


def compile_source(command, source, isa, calls, cache):
    """The bytes of the image for a firmware with these declarations, `calls`. Raises ImageError, with what the compiler says."""
    path = find_command(command)
    if path is None:
        raise ImageError("source: needs the command limpet, which is not there; an image: needs none")
    os.makedirs(cache, exist_ok=True)
    name = os.path.splitext(os.path.basename(source))[0]
    declarations = os.path.join(cache, name + ".calls")
    image = os.path.join(cache, name + ".limpet")
    with open(declarations, "w", encoding="utf-8") as file:
        file.write("".join(call + "\n" for call in calls))
    words = [path, "build", source, "-o", image, "--isa", isa, "--imports", declarations, "--cache", cache]
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              timeout=SECONDS_MAX, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ImageError("%s: %s" % (path, error)) from None
    if done.returncode != 0:
        raise ImageError("limpet build: " + done.stderr.decode("utf-8", "replace").strip())
    with open(image, "rb") as file:
        return file.read()
