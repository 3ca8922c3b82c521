#include "enroll/doctor/sshd_match.h"

#include "enroll/doctor/sshd_text.h"
#include "tests/unit/testing.h"

namespace totp {
namespace {

using namespace testing;

SshdConfig config_of(const std::string& text) {
    const TemporaryDirectory directory;
    write_file(directory.path() / "sshd_config", text);
    return read_sshd_config(directory.path() / "sshd_config", directory.path());
}

SshdConnection connection_of(const std::string& words) {
    std::istringstream stream(words);
    std::string groups;
    SshdConnection connection;
    stream >> connection.person.name >> groups >> connection.address >> connection.host >>
        connection.local_port;
    connection.person.groups = comma_separated(groups);
    return connection;
}

const SshdConnection usual = connection_of("nobody nogroup 192.0.2.1 192.0.2.1 22");
const std::vector<SshdPerson> people = {
    {"alice", {"users"}}, {"bob", {"users", "staff"}}, {"carol", {"users", "admins"}}};

void blocks_concern_whom_sshd_says(void**) {
    for (const auto& row : vector_table("sshd_match.txt", 3)) {
        const auto config = config_of("Match " + row[0] + "\n");
        const bool is_concerned = concerns(config.blocks.at(0), connection_of(row[1]));
        claim(is_concerned == (row[2] == "yes"), row[0] + " | " + row[1]);
    }
}

// ---- the line that decides

int deciding(const std::string& text, const std::string& user) {
    const auto config = config_of(text);
    auto connection = usual;
    connection.person.name = user;
    const auto* const line = deciding_line(config, connection, "usepam");
    return line == nullptr ? 0 : line->place.line;
}

void a_block_decides_before_what_is_for_everybody_and_the_first_of_two(void**) {
    assert_int_equal(deciding("Port 22\n", "alice"), 0);
    assert_int_equal(deciding("UsePAM a\nUsePAM b\n", "alice"), 1);
    const std::string blocks = "UsePAM a\nMatch User b*\nUsePAM b\nMatch User bob\nUsePAM c\n";
    assert_int_equal(deciding(blocks, "alice"), 1);
    assert_int_equal(deciding(blocks, "bob"), 3);
    assert_int_equal(deciding("Match User bob\nUsePAM c\n", "alice"), 0);
}

// ---- somebody

/// "NAME from ADDRESS HOST to PORT", or "nobody".
std::string somebody(const std::string& match, std::size_t block = 0) {
    const auto config = config_of(match);
    const auto found = somebody_in(config, config.blocks.at(block), people, usual);
    if (!found) return "nobody";
    return found->person.name + " from " + found->address + " " + found->host + " to " + found->local_port;
}

void finds_somebody_whom_a_block_concerns(void**) {
    const std::pair<const char*, const char*> table[] = {
        {"Match User bob", "bob from 192.0.2.1 192.0.2.1 to 22"},
        {"Match User *,!alice", "bob from 192.0.2.1 192.0.2.1 to 22"},
        {"Match User backup-*", "backup-1 from 192.0.2.1 192.0.2.1 to 22"},
        {"Match Group admins", "carol from 192.0.2.1 192.0.2.1 to 22"},
        {"Match Group users,!staff User !alice,*", "carol from 192.0.2.1 192.0.2.1 to 22"},
        {"Match Group nobodys", "nobody"},
        {"Match Address 10.1.0.0/16", "alice from 10.1.0.0 192.0.2.1 to 22"},
        {"Match Address 10.1.0.0/16,!10.1.0.0/24", "alice from 10.1.255.255 192.0.2.1 to 22"},
        {"Match Address 2001:db8::/126", "alice from 2001:db8:: 192.0.2.1 to 22"},
        {"Match Address 10.1.?.*", "alice from 10.1.1.1 192.0.2.1 to 22"},
        {"Match Address *", "alice from 192.0.2.1 192.0.2.1 to 22"},
        {"Match Address 10.0.0.1,!10.0.0.0/8", "nobody"},
        {"Match Host *.example.org", "alice from 192.0.2.1 1.example.org to 22"},
        {"Match LocalPort 2222 User carol", "carol from 192.0.2.1 192.0.2.1 to 2222"},
        {"Match all", "alice from 192.0.2.1 192.0.2.1 to 22"},
        {"Match Phase moon", "nobody"},
    };
    for (const auto& [match, expected] : table)
        claim(somebody(match) == expected, std::string(match) + " | " + somebody(match));
}

void who_stands_for_a_block_is_concerned_by_as_few_others_as_can_be(void**) {
    assert_text(somebody("Match Address 10.0.0.0/8\nMatch User alice,carol\n"),
                "bob from 10.0.0.0 192.0.2.1 to 22");
    assert_text(somebody("Match Group users\nMatch User alice,bob\n"),
                "carol from 192.0.2.1 192.0.2.1 to 22");
}

void who_stands_for_everybody_is_concerned_by_as_few_as_can_be(void**) {
    const auto config = config_of("Match User alice\nPort 1\nMatch Group admins\nMatch all\n");
    assert_text(plainest(config, people, usual).person.name, "bob");
    assert_text(plainest(config, {}, usual).person.name, "nobody");
}

void says_it_as_sshd_wants_it_said(void**) {
    auto connection = usual;
    connection.local_address = "192.0.2.2";
    assert_text(connection_spec(connection),
                "user=nobody,host=192.0.2.1,addr=192.0.2.1,laddr=192.0.2.2,lport=22");
    connection.domain = "blue";
    assert_true(connection_spec(connection).ends_with(",rdomain=blue"));
}

}  // namespace
}  // namespace totp

int main() {
    using namespace totp;
    const CMUnitTest tests[] = {
        cmocka_unit_test(blocks_concern_whom_sshd_says),
        cmocka_unit_test(a_block_decides_before_what_is_for_everybody_and_the_first_of_two),
        cmocka_unit_test(finds_somebody_whom_a_block_concerns),
        cmocka_unit_test(who_stands_for_a_block_is_concerned_by_as_few_others_as_can_be),
        cmocka_unit_test(who_stands_for_everybody_is_concerned_by_as_few_as_can_be),
        cmocka_unit_test(says_it_as_sshd_wants_it_said),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
