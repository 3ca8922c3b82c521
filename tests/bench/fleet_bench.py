"""Runs the parts of a fleet's figures; start it with tests/bench/fleet."""

import fleet_costs
import parts
from fleet_ground import FleetGround

PARTS = {"one": (fleet_costs.one_login, 200), "crowd": (fleet_costs.all_at_once, 480),
         "standby": (fleet_costs.with_a_standby, 240), "writes": (fleet_costs.what_is_written, 120),
         "functions": (fleet_costs.by_function, 60),
         "users": (fleet_costs.with_many_users, 200)}  # last: after it there are so many
USERS, ROUNDS_WHEN_QUICK, USERS_WHEN_QUICK = 1_000_000, 4, 2_000


def main():
    options = parts.asked_for("tests/bench/fleet", "What a login costs in a fleet.", PARTS)
    ground = FleetGround(options.build, USERS_WHEN_QUICK if options.quick else USERS)
    try:
        for name in options.parts or PARTS:
            measure, rounds = PARTS[name]
            measure(ground, ROUNDS_WHEN_QUICK if options.quick else rounds)
    finally:
        ground.remove()


if __name__ == "__main__":
    main()
