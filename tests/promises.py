"""tests/promises.py BUILD [--write]: holds the table of SECURITY.md against what the tests of BUILD have just done.

Each row names the tests that hold its promise: a file, or a file and then cases of it. Every one of them must have
been run, none may have failed, and hardly fewer cases may have been tried than the row says; what was skipped wasn't
run. --write puts down how many were. What runs with `test.sh --all` alone isn't counted: valgrind, the fuzz targets,
Cockpit, and the packages.
"""

import re
import sys
from fnmatch import fnmatchcase
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "SECURITY.md"
ROW = re.compile(r"^\| (?P<promise>.+?) \| (?P<tests>.+?) \| (?P<cases>[\d,]+|–) \| (?P<failed>\d+|–) \|$")
UNCOUNTED = ("tests/fuzz/", "tests/package/", "tests/system/web/", "tests/pam/valgrind_test.sh")
USUAL_SHARE = 0.9  # how many calls there are to fail isn't quite the same on each machine
# Case files that a program runs one by one, under their names.
CASE_FILES = {"tests/pam/dialogue_test.cc": "tests/pam/dialogues", "tests/unit/verifier_test.cc": "tests/vectors/verifier"}


class Tried:
    """How many cases a test tried, and how many of them failed."""

    def __init__(self):
        self.files = {}

    def add(self, file, name, cases, failed):
        directory = CASE_FILES.get(file)
        if directory and (ROOT / directory / f"{name}.txt").exists():
            self.files[f"{directory}/{name}.txt"] = {name: (cases, failed)}
        self.files.setdefault(file, {})[name] = (cases, failed)

    def of(self, pattern, names):
        """Of the files of this pattern, those cases, or all where none is named."""
        return [(file, name, *counts) for file, found in self.files.items() if fnmatchcase(file, pattern)
                for name, counts in found.items() if not names or any(fnmatchcase(name, each) for each in names)]


def counted(said):
    """The cases that a test says it tried; else it is one."""
    return sum(int(number) for number in re.findall(r"^(\d+) cases$", said, re.M)) or 1


def read_ctest(tried, results):
    """Programs of CMocka tell of each case; a script is a case itself."""
    for test in ElementTree.parse(results).getroot().iter("testcase"):
        name = test.get("name")
        file = f"unit/{name[5:]}_test" if name.startswith("unit.") else f"*/{name}"
        [path] = [path for path in ROOT.glob(f"tests/{file}.*") if path.suffix in (".cc", ".sh")]
        path = str(path.relative_to(ROOT))
        said = test.findtext("system-out") or ""
        cases = re.findall(r"^\[ RUN +\] (\S+)\n(.*?)^\[ +(OK|FAILED|SKIPPED) +\] \1$", said, re.M | re.S)
        for case, output, outcome in cases:
            if outcome != "SKIPPED":
                tried.add(path, case, counted(output), int(outcome != "OK"))
        if not cases:
            tried.add(path, name, 1, int(test.get("status") != "run"))


def read_pytest(tried, results):
    for test in ElementTree.parse(results).getroot().iter("testcase"):
        if test.find("skipped") is not None:
            continue
        said = test.find("properties/property[@name='cases']")
        failed = any(test.find(outcome) is not None for outcome in ("failure", "error"))
        tried.add(f"tests/system/{results.stem}.py", test.get("name"), 1 if said is None else int(said.get("value")),
                  int(failed))


def tests_named(text):
    """The files a row names, each with the cases that are named behind it."""
    named = []
    for token in re.findall(r"`([^`]+)`", text):
        if "/" in token:
            named.append((token, []))
        elif token.endswith((".txt", ".cc", ".py")):
            named.append((f"{named[-1][0].rpartition('/')[0]}/{token}", []))
        else:
            named[-1][1].append(token)
    return named


def judge(row, tried):
    """What was tried for a row, what failed of it, and what is wrong with what it names."""
    found, complaints = {}, []
    for file, names in tests_named(row["tests"]):
        if file.startswith(UNCOUNTED):
            if not list(ROOT.glob(file)):
                complaints.append(f"{file} isn't there")
            continue
        for pattern in names or [None]:
            these = tried.of(file, [pattern] if pattern else [])
            if not these:
                complaints.append(f"{file}{': ' + pattern if pattern else ''} was not run")
            found.update({(file, name): counts for file, name, *counts in these})
    cases, failed = (sum(counts[i] for counts in found.values()) for i in (0, 1))
    at_least = int(row["cases"].replace(",", "")) if row["cases"] != "–" else 0
    if failed:
        complaints.append(f"{failed} of {cases} cases failed")
    if cases < at_least * USUAL_SHARE and not complaints:
        complaints.append(f"{cases} cases were tried, not {at_least}")
    return cases, failed, complaints


def main():
    build, write = Path(sys.argv[1]), sys.argv[2:] == ["--write"]
    tried = Tried()
    read_ctest(tried, build / "results/ctest.xml")
    for results in sorted((build / "results").glob("test_*.xml")):
        read_pytest(tried, results)

    lines, rows, wrong = TABLE.read_text().splitlines(), 0, []
    for number, line in enumerate(lines):
        row = ROW.match(line)
        if not row:
            continue
        rows += 1
        cases, failed, complaints = judge(row, tried)
        wrong += [f"SECURITY.md:{number + 1}: {complaint} ({row['promise'][:60]}…)" for complaint in complaints]
        figures = f"{cases:,} | {failed}" if cases else "– | –"
        lines[number] = f"| {row['promise']} | {row['tests']} | {figures} |"
    if write:
        TABLE.write_text("\n".join(lines) + "\n")
    everything = sum(cases for file, found in tried.files.items() if not file.endswith(".txt")
                     for cases, _ in found.values())
    print(f"{rows} promises; {everything:,} cases tried in all.", *wrong, sep="\n")
    return 1 if wrong or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
