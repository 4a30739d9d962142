# This file may be distributed under the terms of the GNU GPLv3 license (see LICENSE of firmware/klipper).
"""Limpet in Klipper: drivers for sensors that need not be compiled into the firmware. README.md of Limpet's folder
firmware/klipper tells how. install.sh links this folder into klippy/extras."""


def load_config(config):
    from . import section
    return section.Settings(config)


def load_config_prefix(config):
    from . import section
    return section.Driver(config)
