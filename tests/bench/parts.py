"""What the commands of this directory are told: which of their parts to run, and how thoroughly."""

import argparse


def asked_for(prog, description, parts):
    """The options `build`, `parts` and `quick`; of `parts`, by their names, all where none is named."""
    parser = argparse.ArgumentParser(prog=prog, description=description)
    parser.add_argument("build")
    parser.add_argument("parts", metavar="PART", nargs="*", help=f"{', '.join(parts)}; all of them, if none is named")
    parser.add_argument("--quick", action="store_true", help="few samples: to see that it runs, not how fast it is")
    options = parser.parse_intermixed_args()
    if unknown := set(options.parts) - set(parts):
        parser.error(f"there is no part {', '.join(unknown)}")
    return options
