#include "enroll/doctor/sshd_config.h"

#include "enroll/doctor/sshd_text.h"
#include "tests/unit/testing.h"

namespace totp {
namespace {

using namespace testing;

// ---- lines and words

/// "KEYWORD|ARGUMENT|ARGUMENT".
std::string words_of(std::string_view line) {
    std::string text;
    for (const auto& each : sshd_text(line)) {
        text += each.keyword;
        for (const auto& argument : each.arguments) text += "|" + argument;
        text += "\n";
    }
    return text;
}

void lines_are_cut_where_sshd_cuts_them(void**) {
    const std::pair<std::string_view, std::string_view> table[] = {
        {"UsePAM yes", "usepam|yes\n"},
        {"  UsePAM\t yes \r\n", "usepam|yes\n"},
        {"UsePAM=yes", "usepam|yes\n"},
        {"UsePAM = yes", "usepam|yes\n"},
        {"UsePAM \"yes\"", "usepam|yes\n"},
        {"UsePAM yes # no", "usepam|yes\n"},
        {"# UsePAM yes", ""},
        {"", ""},
        {"Banner \"/etc/a file\" b", "banner|/etc/a file|b\n"},
        {"Banner a\\ file", "banner|a file\n"},
        {"Match User alice,bob Address 10.0.0.0/8", "match|User|alice,bob|Address|10.0.0.0/8\n"},
        {"UsePAM", "usepam\n"},
        {"One a\n\nTwo b", "one|a\ntwo|b\n"},
    };
    for (const auto& [line, words] : table) {
        claim(words_of(line) == words, std::string(line) + " | " + words_of(line));
    }
    assert_int_equal(sshd_text("# one\n\nUsePAM no").front().number, 3);
}

// ---- files

/// A directory in which the files of a configuration are written, the first one as the main file.
class Written {
  public:
    Written(std::initializer_list<std::pair<const char*, const char*>> files) {
        fs::create_directory(path("d"));
        for (const auto& [name, text] : files) write_file(path(name), text);
    }

    std::string path(std::string_view name) const { return directory_.path() / name; }
    SshdConfig read() const { return read_sshd_config(path("sshd_config"), directory_.path()); }
    /// "d/a.conf:1 usepam|no in 0", one a line.
    std::string lines() const {
        std::string text;
        for (const auto& line : read().lines) {
            text += fs::path(line.place.file).lexically_relative(directory_.path()).string() + ":" +
                    std::to_string(line.place.line) + " " + line.keyword;
            for (const auto& argument : line.arguments) text += "|" + argument;
            if (line.block) text += " in " + std::to_string(*line.block);
            text += "\n";
        }
        return text;
    }

  private:
    TemporaryDirectory directory_;
};

void included_files_stand_where_they_are_included_by_name(void**) {
    const Written written{{"sshd_config", "UsePAM yes\nInclude d/*.conf missing\nPort 22\n"},
                          {"d/b.conf", "Port 2\n"},
                          {"d/a.conf", "Port 1\n"},
                          {"d/c.other", "Port 3\n"}};
    assert_text(written.lines(),
                "sshd_config:1 usepam|yes\nd/a.conf:1 port|1\nd/b.conf:1 port|2\nsshd_config:3 port|22\n");
}

void a_whole_path_is_taken_as_it_is(void**) {
    const Written written{{"sshd_config", ""}, {"d/a.conf", "Port 1\n"}};
    write_file(written.path("sshd_config"), "Include " + written.path("d/a.conf"));
    assert_text(written.lines(), "d/a.conf:1 port|1\n");
}

void lines_after_a_match_are_its_own_until_the_next(void**) {
    const Written written{{"sshd_config", "Port 1\nMatch User a\nPort 2\nMatch all\nPort 3\n"}};
    assert_text(written.lines(),
                "sshd_config:1 port|1\nsshd_config:3 port|2 in 0\nsshd_config:5 port|3 in 1\n");
    const auto config = written.read();
    assert_text(config.blocks[0].written, "Match User a");
    assert_int_equal(config.blocks[0].place.line, 2);
    assert_int_equal(config.blocks[0].criteria.size(), 1);
    assert_true(config.blocks[1].criteria.empty());
}

void a_match_in_an_included_file_ends_with_the_file(void**) {
    const Written written{{"sshd_config", "Include d/*\nPort 3\n"}, {"d/a", "Match User a\nPort 1\n"}};
    assert_text(written.lines(), "d/a:2 port|1 in 0\nsshd_config:2 port|3\n");
}

void what_a_block_includes_is_for_its_people_alone(void**) {
    const Written written{{"sshd_config", "Match User a\nInclude d/*\nPort 3\n"},
                          {"d/a", "Port 1\nMatch Group b\nPort 2\n"}};
    assert_text(written.lines(), "d/a:1 port|1 in 0\nd/a:3 port|2 in 1\nsshd_config:3 port|3 in 0\n");
    const auto config = written.read();
    assert_int_equal(config.blocks[1].criteria.size(), 2);
    assert_text(config.blocks[1].criteria[0].kind, "group");
    assert_text(config.blocks[1].criteria[1].patterns, "a");
}

void a_file_that_includes_itself_comes_to_an_end(void**) {
    const Written written{{"sshd_config", "Port 1\nInclude sshd_config\n"}};
    assert_int_equal(written.read().lines.size(), 17);
}

void old_names_of_keywords_are_known(void**) {
    const Written written{{"sshd_config", "ChallengeResponseAuthentication no\n"}};
    assert_text(written.lines(), "sshd_config:1 kbdinteractiveauthentication|no\n");
}

void a_file_that_is_not_there_says_nothing(void**) {
    const Written written{};
    assert_text(written.lines(), "");
}

}  // namespace
}  // namespace totp

int main() {
    using namespace totp;
    const CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_cut_where_sshd_cuts_them),
        cmocka_unit_test(included_files_stand_where_they_are_included_by_name),
        cmocka_unit_test(a_whole_path_is_taken_as_it_is),
        cmocka_unit_test(lines_after_a_match_are_its_own_until_the_next),
        cmocka_unit_test(a_match_in_an_included_file_ends_with_the_file),
        cmocka_unit_test(what_a_block_includes_is_for_its_people_alone),
        cmocka_unit_test(a_file_that_includes_itself_comes_to_an_end),
        cmocka_unit_test(old_names_of_keywords_are_known),
        cmocka_unit_test(a_file_that_is_not_there_says_nothing),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
