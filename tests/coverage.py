"""coverage.py LEAST: reads what `llvm-cov export` says, prints each line with a branch that was never taken, and
fails if fewer than LEAST in a hundred were."""
import collections
import json
import pathlib
import sys


def outcomes(file):
    """How often each condition came out true and false, by its line and column; templates added up."""
    found = collections.defaultdict(lambda: [0, 0])
    for line, column, _, _, times_true, times_false, *_ in file["branches"]:
        found[line, column][0] += times_true
        found[line, column][1] += times_false
    return found


def main():
    files = json.load(sys.stdin)["data"][0]["files"]
    total = never = 0
    for file in files:
        path = pathlib.Path(file["filename"]).relative_to(pathlib.Path.cwd())
        lines = path.read_text().splitlines()
        for (line, column), times in sorted(outcomes(file).items()):
            total += 2
            for outcome in (o for o, count in zip(("true", "false"), times) if count == 0):
                never += 1
                print(f"{path}:{line}:{column} never {outcome}: {lines[line - 1].strip()}")
    taken = 100 * (total - never) / total
    print(f"{total - never} of {total} branches taken, {taken:.1f} %")
    sys.exit(taken < float(sys.argv[1]))


main()
