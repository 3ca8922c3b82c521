"""The database decides as core does: tests/fleet/histories.cc says what core decides, replay.sql asks the same there."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from fleet import SCHEMA, Cluster, Database

# PAM_TOTP_CASES says how many attempts of lives are tried (20000 take minutes), PAM_TOTP_SEED which.
REPLAY = Path(__file__).parents[1] / "fleet/replay.sql"
HISTORIES = Path(os.environ["PAM_TOTP_BUILD"]) / "tests/fleet/histories"
SEED = os.environ.get("PAM_TOTP_SEED", "1")
CASES = int(os.environ.get("PAM_TOTP_CASES", "1000"))
AT_ONCE = 500


@pytest.fixture(scope="module")
def database():
    Path("/run/private").mkdir(exist_ok=True)
    cluster = Cluster(max_wal_size="4GB")
    database = Database(cluster)
    database.sql(REPLAY.read_text())
    yield database
    cluster.stop()


def differences(database, *what):
    """How many cases there are, and what is not the same."""
    database.sql("TRUNCATE replay.line RESTART IDENTITY")
    with subprocess.Popen([HISTORIES, *what], stdout=subprocess.PIPE) as histories, database.root.cursor() as cursor:
        cursor.copy_expert("COPY replay.line (line) FROM STDIN (FORMAT csv, QUOTE e'\\x01', DELIMITER e'\\x02')",
                           histories.stdout)
    assert histories.returncode == 0
    (count,), = database.sql("SELECT count(*) FROM replay.line")
    found = []
    for first in range(1, count + 1, AT_ONCE):
        found += [text for text, in database.sql("SELECT replay.differences(%s, %s)", first, first + AT_ONCE - 1)]
    return count, found


def test_every_story_comes_out_the_same(database):
    stories = {path.stem for path in (Path(__file__).parents[1] / "vectors/verifier").iterdir()}
    count, found = differences(database, "stories")
    assert found == []
    told = {story for story, in database.sql("SELECT DISTINCT line ->> 'story' FROM replay.line")}
    assert count > 300 and stories - told <= {"one_field_without_a_code_is_no_guess"}


def test_lives_that_are_made_up_come_out_the_same(database):
    count, found = differences(database, "lives", SEED, str(CASES))
    assert count >= CASES and found[:3] == [], f"{len(found)} of {count} (PAM_TOTP_SEED={SEED})"
    seen = dict(database.sql("SELECT concat_ws(' ', line #>> '{answer,verdict}', line #>> '{answer,reason}'), count(*) "
                             "FROM replay.line GROUP BY 1"))
    for kind in ("accepted", "throttled", "refused wrong", "refused replayed", "refused malformed", "refused dummy"):
        assert seen.get(kind, 0) > CASES / 200, f"{kind} is tried often enough: {seen}"
    print(seen)


def test_remote_hosts_stand_for_the_same_places(database):
    count, found = differences(database, "places", SEED, str(CASES))
    assert count >= CASES and found[:3] == [], f"{len(found)} of {count} (PAM_TOTP_SEED={SEED})"


# A function of the schema, what stands in it, and what would be wrong.
BROKEN = [
    ("code", "& 15", "& 7"),
    ("code", "& 127", "& 255"),
    ("device_id", "'pam-totp device'", "'pam-totp'"),
    ("checksum", "* 435", "* 433"),
    ("named_place", "chr(octet)) = 0", "chr(octet)) >= 0"),
    ("remote_place", "'::ffff:0:0/96'", "'::ffff:0:0/112'"),
    ("remote_place", "address, 64", "address, 56"),
    ("is_known", "90 *", "89 *"),
    ("is_at_home", "'^local:", "'^$"),
    ("with_known_place", "LIMIT 7", "LIMIT 8"),
    ("with_known_place", "last_login DESC", "last_login ASC"),
    ("with_known_place", "WHERE known.place <> with_known_place.place", ""),
    ("drained_level", "policy.budget_drain", "1"),
    ("drained_level", "least(side.last_failure, now)", "side.last_failure"),
    ("delay_after", "free_failures - 1", "free_failures"),
    ("closed_until", ">= policy.max_failures", "> policy.max_failures"),
    ("closed_until", "budget_drain + 1", "budget_drain"),
    ("closed_until", "excess >= 0", "excess > 100000"),
    ("with_failure", "(codes_tried + 2) / 3", "codes_tried / 3"),
    ("typed_code", "{6,8}", "{6,7}"),
    ("typed_code", r"\t-", "-"),
    ("typed_recovery_code", "N0P", "NOP"),
    ("reason_not_to_count", "OR starts_with(E'\\b\\n\\r\\x7f', response)", ""),
    ("find_recovery_code", "DESC NULLS LAST", "DESC NULLS FIRST"),
    ("around", "'[]'", "'[)'"),
    ("limited_drift", "-policy.max_drift", "0"),
    ("expected", "stands.drift", "0"),
    ("match_code", 'counter <@ expected."window" AND counter >= next', 'counter <@ expected."window"'),
    ("spent", "counter + 1", "counter"),
    ("spent", "counter - totp.time_step", "totp.time_step"),
    ("accepted_counter", "side.near_miss_device = id AND", ""),
    ("accepted_counter", "near_miss_counter + 1 =", "near_miss_counter <"),
    ("examine_code", "device.digits <> length(digits)", "false"),
    ("examine_code", "finding.codes_tried + ", ""),
    ("examine_code", "IF match.is_replayed", "IF false"),
    ("examine_code", "finding.near_miss_device := device.id", "NULL"),
    ("examine_recovery_code", "kept.expires <= now", "kept.expires < now - 3600"),
    ("examine_recovery_code", "totp.recovery_id(kept) = ANY (spent)", "false"),
    ("recovery_codes_left", "<> ALL (spent)", "<> ALL ('{}')"),
    ("may_be_recovery_code", "length(digits) = 8 AND", "length(digits) = 7 AND"),
    ("decide", "side.failures := 0", "NULL"),
    ("decide", "totp.with_known_place(next.places, place, now)", "next.places"),
    ("decide", "side.near_miss_counter := finding.near_miss_counter", "NULL"),
    ("side_of", "THEN state.known", "THEN state.elsewhere"),
    ("with_wait_from_now", "least(side.last_failure, now)", "side.last_failure"),
]


def definition(name):
    """The statement that makes a function."""
    text = "\n".join(path.read_text() for path in sorted((SCHEMA / "migrations").glob("*.sql")))
    statement, = re.findall(rf"^CREATE FUNCTION totp\.{name}\(.*?(?=\n\n|\Z)", text, re.DOTALL | re.MULTILINE)
    return statement.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1)


@pytest.fixture(scope="module")
def some_of_each(database):
    """Cases that stay, so that each broken line is tried on the same."""
    for what in (["stories"], ["lives", SEED, "1000"], ["places", SEED, "1000"]):
        differences(database, *what)
        database.sql("CREATE TABLE IF NOT EXISTS replay.few (line jsonb)")
        database.sql("INSERT INTO replay.few SELECT line FROM replay.line")
    database.sql("TRUNCATE replay.line RESTART IDENTITY")
    database.sql("INSERT INTO replay.line (line) SELECT line FROM replay.few")


@pytest.mark.parametrize("name, right, broken", BROKEN, ids=lambda text: re.sub(r"\W+", " ", text).strip() or "-")
def test_a_broken_line_is_seen(database, some_of_each, name, right, broken):
    whole = definition(name)
    assert right in whole
    database.sql("SET ROLE totp_owner; " + whole.replace(right, broken, 1) + "; RESET ROLE")
    try:
        (count,), = database.sql("SELECT count(*) FROM replay.line")
        assert any(database.sql("SELECT replay.differences(%s, %s) LIMIT 1", first, first + AT_ONCE - 1)
                   for first in range(1, count + 1, AT_ONCE))
    finally:
        database.sql("SET ROLE totp_owner; " + whole + "; RESET ROLE")
