"""The picture: flash against cycles per guest instruction."""

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import peers
from report_text import groups, mean_and_deviation


def draw(report, opts, path):
    """Writes an SVG file that depends on nothing but the report."""
    plt.rcParams.update({"svg.hashsalt": "limpet", "svg.fonttype": "none", "font.size": 9})
    figure, axes = plt.subplots(figsize=(7.5, 4.6), layout="constrained")
    for peer in peers.MEASURED:
        place = (peer.cycles_per_insn, peer.flash_bytes)
        if None in place:
            continue
        axes.plot(*place, "s", color="#888888", markerfacecolor="#888888" if peer.bounds == "yes" else "white")
        axes.annotate(peer.name, place, (5, 4), textcoords="offset points", color="#666666")
    styles = {"rv32e": ("^", "#7a5195"), "rv32ec": ("o", "#00639c"), "rv32emc": ("D", "#ef5675")}
    for (backend, isa, opt), rows in groups(report, "-O2").items():
        if opt != opts[backend]:
            continue
        marker, color = styles[isa]
        ratio, _ = mean_and_deviation(rows, "cycles_per_insn")
        flash_bytes = rows["crc32"]["flash_bytes"]
        axes.plot(ratio, flash_bytes, marker, color=color)
        if isa == "rv32ec":
            axes.annotate(f"{backend} {opt}", (ratio, flash_bytes), (-6, -12), textcoords="offset points", color=color,
                          weight="bold", ha="right")
    present = {row["isa"] for row in report["rows"]}
    for isa, (marker, color) in ((isa, style) for isa, style in styles.items() if isa in present):
        axes.plot([], [], marker, color=color, label=f"Limpet, {isa}: all checks and fuel")
    axes.plot([], [], "s", color="#888888", label="others, with bounds checks")
    axes.plot([], [], "s", color="#888888", markerfacecolor="white", label="others, without bounds checks")
    axes.set_xscale("log")
    axes.set_yscale("log")
    left, right, bottom, top = axes.axis()
    axes.axis((min(left, 20), max(right, 320), min(bottom, 500), max(top, 60000)))
    ticks = [20, 30, 45, 60, 90, 120, 180, 270]
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.set_xticks([], minor=True)
    sizes = [500, 1000, 2000, 4000, 8000, 16000, 32000]
    axes.set_yticks(sizes, [f"{size / 1000:g} kB" for size in sizes])
    axes.set_yticks([], minor=True)
    axes.set_xlabel("Cortex-M0+ cycles per guest instruction (geometric mean; emulated, zero wait states)")
    axes.set_ylabel("flash")
    axes.grid(color="#eeeeee")
    axes.set_axisbelow(True)
    axes.legend(frameon=False, loc="upper left")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
