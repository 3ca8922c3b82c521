// What check says of stacks, and that who follows it is better off: each stack is written down here, and so
// is what becomes of it.
#include "enroll/doctor/stack_examiner.h"

#include <map>
#include <set>

#include "tests/unit/testing.h"

namespace totp {

void print(std::string_view) {}  // of enroll/terminal: nothing is printed here

namespace {

using namespace testing;

constexpr UnixTime now = 1'800'000'000;

using Files = std::map<std::string, std::string>;

/// A directory of services, and one of modules: all that the services name, but for those that end in a
/// carriage return and those that are missing.
class Machine {
  public:
    explicit Machine(const Files& files, const std::set<std::string>& missing = {}) {
        fs::create_directory(services());
        fs::create_directory(modules());
        for (const auto& [name, content] : files) {
            write_file(services() / name, content);
            std::istringstream words(content);
            for (std::string word; words >> word;) {
                const bool is_module = word.starts_with("pam_") && word.ends_with(".so");
                if (is_module && !missing.contains(word)) write_file(modules() / word, "");
            }
        }
    }
    Examination look_at(const std::string& service) const {
        const PamPlaces places{{services()}, {services()}, "/nonexistent", {modules()}, true};
        return examine_service({places, {"/nonexistent", "/nonexistent", 0}, now}, service);
    }
    /// Without the directory, which is another in each run.
    std::string shown(std::string text) const {
        const auto directory = services().string() + "/";
        for (auto at = text.find(directory); at != std::string::npos; at = text.find(directory))
            text.erase(at, directory.size());
        return text;
    }
    /// "severity kind: sentence | change", a line for each.
    std::string findings(const std::string& service) const {
        constexpr std::string_view severities[] = {"fault", "warning", "remark"};
        std::string text;
        for (const auto& finding : look_at(service).findings) {
            text += std::string(severities[static_cast<std::size_t>(finding.severity)]) + " " + finding.kind +
                    " " + text_of(finding.place) + ": " + finding.sentence.english() + " | " +
                    finding.change.english() + "\n";
        }
        return shown(text);
    }

  private:
    fs::path services() const { return directory_.path() / "pam.d"; }
    fs::path modules() const { return directory_.path() / "modules"; }

    TemporaryDirectory directory_;
};

// ---- a jump past ours

void line_that_would_not_be_run_where_the_jump_leads_stays_where_it_is(void**) {
    const Machine machine(Files{{"sshd",
                                 "auth [success=1 default=ignore] pam_unix.so\n"
                                 "auth [success=1 default=die] pam_sss.so\n"
                                 "auth [success=ok default=1] pam_totp.so\n"
                                 "auth [default=done] pam_permit.so\n"}});
    assert_text(
        machine.findings("sshd"),
        "fault bypass sshd:2: who passes pam_sss.so gets in without a code | write `success=ok` in its "
        "control, so that it leads to sshd:3\n");
    const Machine longer(Files{{"sshd",
                                "auth [success=3 default=die] pam_sss.so\n"
                                "auth optional pam_echo.so\n"
                                "auth required pam_totp.so\n"
                                "auth optional pam_echo.so\n"
                                "auth [default=done] pam_permit.so\n"}});
    assert_text(
        longer.findings("sshd"),
        "fault bypass sshd:1: who passes pam_sss.so gets in without a code | write `success=1` in its "
        "control, so that it leads to sshd:3\n");
}

}  // namespace
}  // namespace totp

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(totp::line_that_would_not_be_run_where_the_jump_leads_stays_where_it_is),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
