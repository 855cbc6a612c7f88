"""A picture of a recording: its loudness over time and in a histogram, and its spectrum. Numbers only, no name."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from librarian.cli.measurements import shown
from librarian.errors import MissingError, UsageError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FORMATS = (".svg", ".png")
INCHES = (11.0, 6.5)
DOTS_PER_INCH = 120
FAINT, PLAIN, DARK = "#6baed6", "#3182bd", "#08306b"
"""Blues that differ by their lightness, so that they do in grey too."""
STYLE: Any = {"svg.hashsalt": "librarian", "font.size": 9, "axes.grid": True, "axes.axisbelow": True, "grid.alpha": 0.3}
QUIETEST = -70.0
DECIBELS_SHOWN = 110.0
BLOCK_SECONDS = 0.4
"""A meter shows the momentary loudness at the end of its block."""
CLOCK_FROM = 600.0
"""Seconds from which on time is shown in minutes."""

Curves = Mapping[str, Any]
Values = Mapping[str, Any]


def check_picture(path: Path) -> None:
    """Refuse a picture that cannot be drawn before anything is measured for it.

    Raises:
        UsageError: its name does not end with .svg or .png, or its folder is not there.
        MissingError: matplotlib is not installed.
    """
    if path.suffix.lower() not in FORMATS:
        raise UsageError("--plot draws SVG or PNG: let the name of the picture end with .svg or .png")
    if not path.parent.is_dir():
        raise UsageError("--plot: there is no such folder; make it first")
    if importlib.util.find_spec("matplotlib") is None:
        raise MissingError("--plot needs matplotlib; type: pip install matplotlib")


def draw(values: Values, curves: Curves, path: Path) -> None:
    """Draw a picture: the same numbers give the same bytes."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        figure = Figure(figsize=INCHES, dpi=DOTS_PER_INCH, layout="constrained")
        places = figure.add_gridspec(2, 2, height_ratios=(1.1, 1.0))
        _loudness(figure.add_subplot(places[0, :]), values, curves)
        _histogram(figure.add_subplot(places[1, 0]), values, curves)
        _spectrum(figure.add_subplot(places[1, 1]), values, curves)
        is_svg = path.suffix.lower() == ".svg"
        metadata = {"Date": None, "Creator": None} if is_svg else {"Software": None}
        figure.savefig(path, format="svg" if is_svg else "png", metadata=metadata)


def _loudness(axes: Axes, values: Values, curves: Curves) -> None:
    scale, unit = (60.0, "min") if values["seconds"] >= CLOCK_FROM else (1.0, "s")
    step = curves["step_seconds"] / scale
    momentary, short_term = _drawn(curves["momentary_lufs"]), _drawn(curves["short_term_lufs"])
    ends = [BLOCK_SECONDS / scale + step * place for place in range(len(momentary))]
    axes.plot(ends, momentary, color=FAINT, lw=0.9, label="momentary")
    axes.plot(ends, short_term, color=DARK, lw=1.4, label="short-term")
    integrated = values["integrated_lufs"]
    if integrated is not None:
        said = f"integrated {shown('integrated_lufs', integrated)}"
        axes.axhline(integrated, color="black", ls="--", lw=1.2, label=said)
    axes.set(xlabel=f"time ({unit})", ylabel="loudness (LUFS)")
    axes.set_xlim(0, max(values["seconds"] / scale, step))
    range_lu = shown("loudness_range_lu", values["loudness_range_lu"])
    peak = shown("true_peak_dbtp", values["true_peak_dbtp"])
    axes.set_title(f"loudness range {range_lu}, true peak {peak}", fontsize=9, loc="left")
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=3, fontsize=8, frameon=False)


def _histogram(axes: Axes, values: Values, curves: Curves) -> None:
    shares = [100.0 * (share or 0.0) for share in curves["share"]]
    axes.bar([QUIETEST + place for place in range(len(shares))], shares, width=1.0, align="edge", color=PLAIN)
    if values["integrated_lufs"] is not None:
        axes.axvline(values["integrated_lufs"], color="black", ls="--", lw=1.2)
    axes.set(xlabel="momentary loudness (LUFS)", ylabel="share of the time (%)")
    first = next((place for place, share in enumerate(shares) if share), 0)
    last = max((place for place, share in enumerate(shares) if share), default=len(shares) - 1)
    axes.set_xlim(QUIETEST + first - 2, QUIETEST + last + 3)


def _spectrum(axes: Axes, values: Values, curves: Curves) -> None:
    levels = [value for value in curves["db_per_hz"] if value is not None]
    axes.semilogx(curves["hz"], curves["db_per_hz"], color=DARK, lw=1.2)
    bandwidth = values["bandwidth_hz"]
    if bandwidth is not None:
        said = f"bandwidth {shown('bandwidth_hz', bandwidth)}"
        axes.axvline(bandwidth, color="black", ls=":", lw=1.4, label=said)
        axes.legend(loc="lower left", fontsize=8)
    if levels:
        axes.set_ylim(max(min(levels), max(levels) - DECIBELS_SHOWN) - 3, max(levels) + 5)
    axes.set(xlabel="frequency (Hz)", ylabel="density (dB re full scale² per Hz)")
    axes.xaxis.set_major_formatter(lambda hertz, _: f"{hertz / 1000:g}k" if hertz >= 1000 else f"{hertz:g}")  # noqa: PLR2004


def _drawn(levels: list[float | None]) -> list[float]:
    """Levels as they are drawn: silence makes a gap."""
    return [float("nan") if level is None or level < QUIETEST else level for level in levels]
