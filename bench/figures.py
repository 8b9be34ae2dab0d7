"""Figures beside a baseline, and the table that shows them."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measure of both bots in one run.

    Attributes:
        most_ratio: The goal for ours / bare; None where there is none.
        most: The goal for ours in `unit`; None where there is none.
    """

    name: str
    unit: str
    ours: float
    bare: float
    most_ratio: float | None = None
    most: float | None = None

    @property
    def missed(self) -> bool:
        """Whether there is a goal and ours does not reach it."""
        over_ratio = self.most_ratio is not None and self.ours > self.most_ratio * self.bare
        return over_ratio or (self.most is not None and self.ours > self.most)

    def cells(self) -> list[str]:
        """The row of the table."""
        goal = "–"
        if self.most_ratio is not None:
            goal = f"ratio ≤ {self.most_ratio:g}"
        elif self.most is not None:
            goal = f"≤ {self.most:.1f} {self.unit}"
        # The ratio of two small differences would say nothing.
        ratio = "–" if self.most is not None else f"{self.ours / self.bare:.2f}"
        result = "–" if goal == "–" else "FAIL" if self.missed else "PASS"
        return [self.name, self.unit, f"{self.ours:.2f}", f"{self.bare:.2f}", ratio, goal, result]


def table(figures: Sequence[Figure]) -> str:
    """The figures as a Markdown table, aligned for a terminal."""
    head = ["figure", "unit", "ours", "bare", "ours / bare", "goal", "result"]
    rows = [head, *(figure.cells() for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    numbers = range(2, 5)

    def line(cells: Sequence[str]) -> str:
        padded = [
            cell.rjust(width) if column in numbers else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return f"| {' | '.join(padded)} |"

    rule = [
        "-" * (width - 1) + ":" if column in numbers else "-" * width for column, width in enumerate(widths)
    ]
    return "\n".join([line(head), line(rule), *(line(row) for row in rows[1:])])


def machine() -> str:
    """What this ran on, in a line."""
    load = f", load {os.getloadavg()[0]:.1f} at the start" if hasattr(os, "getloadavg") else ""
    return (
        f"{platform.python_implementation()} {platform.python_version()} on {platform.system()},"
        f" {_processor()}, {os.cpu_count()} cores{load}"
    )


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
