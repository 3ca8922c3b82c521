"""Runs the parts; start it with tests/bench/run."""

from pathlib import Path

import commands
import logins
import parts
from chart import Chart
from figures import Goals
from ground import Ground

PARTS = {"same": (logins.in_one_process, 400), "new": (logins.in_new_processes, 200),
         "beside": (logins.beside_time, 100), "crowd": (logins.all_at_once, 200), "one": (commands.one_by_one, 20),
         "bulk": (commands.from_a_list, 200), "everybody": (commands.everybody, 100),
         "growth": (logins.with_many_accounts, 200),
         "answers": (logins.by_answer, 300)}  # last: after so many wrong codes the others would be kept waiting
QUICK = 20
CHART = Path(__file__).parents[2] / "docs/bench.svg"


def main():
    options = parts.asked_for("tests/bench/run", "What a login costs, beside others'.", PARTS)
    ground, goals, chart = Ground(options.build), Goals(), Chart()
    for name in options.parts or PARTS:
        measure, rounds = PARTS[name]
        measure(ground, min(rounds, QUICK) if options.quick else rounds, goals, chart)
    print(goals)
    if not options.parts and not options.quick:
        CHART.write_text(chart.svg())


if __name__ == "__main__":
    main()
