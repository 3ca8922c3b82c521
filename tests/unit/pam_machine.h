// Services of PAM in a directory, and what check says of them.
#pragma once

#include <map>
#include <set>

#include "enroll/doctor/stack_examiner.h"
#include "tests/unit/testing.h"

namespace totp::testing {

inline constexpr UnixTime now = 1'800'000'000;

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
    Examination look_at(const std::string& service) const { return examine_service(surroundings(), service); }
    Surroundings surroundings() const {
        return {{{services()}, {services()}, "/nonexistent", {modules()}, true},
                {"/nonexistent", "/nonexistent", 0},
                now};
    }
    /// Without the directory, which is another in each run.
    std::string shown(std::string text) const {
        const auto directory = services().string() + "/";
        for (auto at = text.find(directory); at != std::string::npos; at = text.find(directory))
            text.erase(at, directory.size());
        return text;
    }
    /// "severity kind: sentence | change", a line for each.
    std::string findings(const std::string& service) const { return findings_of(look_at(service)); }
    std::string findings_of(const Examination& examined) const {
        constexpr std::string_view severities[] = {"fault", "warning", "remark"};
        std::string text;
        for (const auto& finding : examined.findings) {
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

}  // namespace totp::testing
