"""Other systems that run guests on small microcontrollers: what is known of their figures, and from where.

The systems in MEASURED were compiled by this project in November 2026 with arm-none-eabi-gcc 12.2 and run on the same
emulated Cortex-M0+ at zero wait states, with the timing table that the backends are counted with. None: not measured.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Measured:
    name: str
    runs: str
    flash_os_bytes: int | None
    flash_o2_bytes: int | None
    helper_bytes: int  # of the compiler's helper functions that it needs, 0: none
    state_bytes: int | None
    stack_bytes: int | None
    cycles_per_insn: float | None  # at -O2
    slowdown: float | None  # against native Thumb at -O2; geometric mean of fib, alu, crc32, sort, accel, angle
    bounds: str  # are guest accesses checked against bounds?
    misaligned: str  # what a misaligned guest access does
    fuel: str

    @property
    def flash_bytes(self):
        """As the backends' figures are: at -O2, helper functions included."""
        return self.flash_o2_bytes + self.helper_bytes if self.flash_o2_bytes else None

    @property
    def ram_bytes(self):
        return self.state_bytes + self.stack_bytes if self.state_bytes else None


MEASURED = [
    Measured("RFC RV32EC", "rv32ec", 2028, 2952, 0, 20, 432, 79, 54, "no", "bytewise", "no"),
    Measured("RFC RV32E", "rv32e", 836, 1192, 0, 20, 424, 76, None, "no", "bytewise", "no"),
    Measured("RFC eBPF", "part of eBPF", 558, 692, 400, 568, 120, 84, None, "no", "bytewise", '2048, then "success"'),
    Measured("mini-rv32ima", "RV32IMA", 2184, 3516, 1100, 192, 132, 88, 60, "yes", "HardFault of the host", "count"),
    Measured("uvm32", "RV32IM", 2940, 4220, 1200, 232, 140, 183, 125, "yes", "HardFault of the host", "yes"),
    Measured("Femto-Containers", "eBPF, 64 bits", 4618, 5812, 1200, 600, 256, 45, 54, "yes", "HardFault of the host",
             "branches"),
    Measured("CertFC", "eBPF", None, 2504, 0, None, None, None, None, "yes", "rejected", "yes"),
    Measured("rv32cortex-m", "RV32IMC", 5216, 6591, 1300, 788, 216, 187, None, "yes", "contained", "budget"),
    Measured("uBPF", "eBPF", 25700, 36000, 0, 3200, 920, 160, 151, "yes", "not known", "option"),
    Measured("wasm3", "Wasm, no float", 51000, 65000, 0, 68000, 0, None, 41, "yes", "not known", "no"),
]

# The RFC: the virtual machines proposed to Klipper's developers in May 2026.
NOTE = ("The three RFC rows are the virtual machines proposed to Klipper's developers in May 2026. Flash of the others "
        "includes about 0.4 to 1.3 kB of compiler helpers where they need them; wasm3's RAM is that of a whole run.")


@dataclass(frozen=True)
class Published:
    name: str
    what: str
    part: str
    slowdown: str
    source: str


PUBLISHED = [
    Published("µBPF", "eBPF translated to Thumb-2 on the microcontroller", "Cortex-M4", "1.3 to 1.4",
              "Kubica, Kogias: µBPF: Using eBPF for Microcontroller Compartmentalization (eBPF '24)"),
    Published("CapeVM", "Java bytecode translated ahead of time, with checks", "AVR", "2.1",
              "Reijers, Shih: CapeVM: A Safe and Fast Virtual Machine for Resource-Constrained Internet-of-Things "
              "Devices (SenSys '18)"),
    Published("uSFI", "native code, confined by MPU and a verifier", "Cortex-M", "1.01",
              "Aweke, Austin: uSFI: Ultra-lightweight Software Fault Isolation for IoT-class Devices (DATE '18)"),
    Published("eccles-wasm", "WebAssembly", "ESP32", "10", "its author's project page"),
]
