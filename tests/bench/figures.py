"""Samples, and what is said of them: medians with the middle half, and ratios of what was measured side by side."""

import statistics
from typing import NamedTuple


class Sample(NamedTuple):
    """One line of login.cc; times in microseconds, memory in KiB."""

    outcome: int
    login: float
    authenticate: float
    cpu: float
    authenticate_cpu: float
    process: float
    process_cpu: float
    memory: int


def samples_by_service(text):
    """The lines of one run, in the order of its rounds: so that the nth of each were measured side by side."""
    by_service = {}
    for line in text.splitlines():
        service, outcome, *times, memory = line.split()
        by_service.setdefault(service, []).append(
            Sample(int(outcome), *(int(time) / 1000 for time in times), int(memory)))
    return by_service


class Spread(NamedTuple):
    """A median, and the quartiles around it."""

    low: float
    middle: float
    high: float

    @classmethod
    def of(cls, values):
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        return cls(*statistics.quantiles(values, n=4, method="inclusive"))

    def __str__(self):
        return f"{shown(self.middle)} ({shown(self.low)}–{shown(self.high)})"


def shown(value):
    """Three digits, and no more than that."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def ratio(ours, theirs):
    """Of each pair that was measured side by side; pairs without a figure are left out."""
    return Spread.of([one / other for one, other in zip(ours, theirs) if other])


class Table:
    """Rows under headings, as people read them."""

    def __init__(self, title, headings):
        self.title = title
        self.rows = [headings]

    def add(self, *cells):
        self.rows.append([str(cell) for cell in cells])

    def __str__(self):
        widths = [max(len(row[column]) for row in self.rows) for column in range(len(self.rows[0]))]
        lines = [row[0].ljust(widths[0]) + "".join("  " + cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))
                 for row in self.rows]
        return "\n".join([self.title, "", *("    " + line.rstrip() for line in lines), ""])


class Goals:
    """What is to be shown, and what came of it: a figure that is missed stands here like any other."""

    def __init__(self):
        self._table = Table("What is to be shown", ["", "measured", "bound", ""])

    def at_most(self, what, figure, bound):
        self._table.add(what, shown(figure), f"≤ {shown(bound)}", "" if figure <= bound else "missed")

    def at_least(self, what, figure, bound):
        self._table.add(what, shown(figure), f"≥ {shown(bound)}", "" if figure >= bound else "missed")

    def __str__(self):
        return str(self._table)
