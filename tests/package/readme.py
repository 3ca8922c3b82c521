"""The README as what is said in it to be typed: pure, but for reading the file."""

import re
from pathlib import Path
from typing import NamedTuple

README = Path(__file__).resolve().parents[2] / "README.md"


class Said(NamedTuple):
    """Something in code: a line of an indented block, or a span in a sentence or a cell of a table."""

    section: str  # the heading that it stands under
    text: str


def said():
    """All of it, in its order. What programs answer, between fences, isn't to be typed."""
    section, is_answer = "", False
    for line in README.read_text().splitlines():
        if line.startswith("```"):
            is_answer = not is_answer
        elif is_answer:
            continue
        elif heading := re.match(r"#+ (.*)", line):
            section = heading[1]
        elif line.startswith("    "):
            yield Said(section, line.strip())
        else:
            for span in re.findall(r"`([^`]+)`", line):
                yield Said(section, span)


def answers():
    """The blocks between fences."""
    return re.findall(r"^```\n(.*?)^```$", README.read_text(), re.M | re.S)


def line_with(words):
    """The one thing to type that has these words."""
    [line] = {each.text for each in said() if words in each.text and " " in each.text}
    return line
