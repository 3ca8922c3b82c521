#include "enroll/doctor/sshd_examiner.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <set>

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include "core/child_process.h"
#include "core/percent.h"
#include "core/shell_words.h"
#include "enroll/doctor/sshd_config.h"
#include "enroll/doctor/sshd_match.h"
#include "enroll/doctor/sshd_settings.h"
#include "enroll/doctor/sshd_text.h"
#include "enroll/doctor/sshd_ways.h"

namespace totp {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* programs[] = {"/usr/sbin/sshd", "/usr/local/sbin/sshd", "/usr/bin/sshd"};
constexpr const char* config_files[] = {"/etc/ssh/sshd_config", "/usr/etc/ssh/sshd_config"};
constexpr const char* config_directory = "/etc/ssh";
constexpr std::size_t longest_answer = 1'048'576;
constexpr auto time_for_all = std::chrono::seconds(20);
constexpr int most_people = 1'000;
constexpr int most_groups = 256;
constexpr uid_t first_person = 1'000;

/// The first of the files that is there; null where none is.
template <std::size_t count>
const char* first_of(const char* const (&files)[count], int mode) {
    const auto* const found =
        std::ranges::find_if(files, [&](const char* file) { return access(file, mode) == 0; });
    return found == std::end(files) ? nullptr : *found;
}

// ---- people

std::vector<std::string> groups_of(const passwd& entry) {
    gid_t numbers[most_groups];
    int count = most_groups;
    if (getgrouplist(entry.pw_name, entry.pw_gid, numbers, &count) < 0) count = most_groups;
    std::vector<std::string> groups;
    for (int i = 0; i < count; ++i) {
        if (const auto* const group = getgrgid(numbers[i])) groups.emplace_back(group->gr_name);
    }
    return groups;
}

/// Whom the Match lines may be about: everybody who can be listed, within reason, and whom they name.
class People {
  public:
    explicit People(const SshdConfig& config) {
        for (const auto& block : config.blocks) {
            for (const auto& criterion : block.criteria) note_names(criterion);
        }
        setpwent();
        for (int i = 0; i < most_people; ++i) {
            const auto* const entry = getpwent();
            if (entry == nullptr) break;
            (entry->pw_uid >= first_person ? names_ : others_).emplace_back(entry->pw_name);
        }
        endpwent();
    }

    /// Those that aren't root; ordinary accounts first.
    std::vector<SshdPerson> but_root() const {
        std::vector<SshdPerson> people;
        std::set<std::string> seen{"root"};
        for (const auto* names : {&names_, &others_}) {
            for (const auto& name : *names) {
                if (seen.insert(name).second) add(name, people);
            }
        }
        return people;
    }
    std::vector<SshdPerson> root() const {
        const auto* const entry = getpwnam("root");
        if (entry == nullptr) return {};
        return {{"root", groups_of(*entry)}};
    }

  private:
    void note_names(const SshdCriterion& criterion) {
        if (criterion.kind == "user") {
            for (auto& name : comma_separated(criterion.patterns)) names_.push_back(std::move(name));
        }
        if (criterion.kind != "group") return;
        has_groups_ = true;
        for (const auto& name : comma_separated(criterion.patterns)) {
            const auto* const group = getgrnam(name.c_str());
            if (group == nullptr) continue;
            for (char** member = group->gr_mem; *member != nullptr; ++member) names_.emplace_back(*member);
        }
    }
    /// Nobody who isn't there.
    void add(const std::string& name, std::vector<SshdPerson>& people) const {
        const auto* const entry = getpwnam(name.c_str());
        if (entry == nullptr) return;
        people.push_back({name, has_groups_ ? groups_of(*entry) : std::vector<std::string>()});
    }

    std::vector<std::string> names_;
    std::vector<std::string> others_;
    bool has_groups_ = false;
};

// ---- sshd

class Examiner {
  public:
    Examiner(const Surroundings& surroundings, std::span<const Examination> examined, const char* program,
             const char* file)
        : surroundings_(surroundings),
          examined_(examined),
          program_(program),
          config_(read_sshd_config(file, config_directory)),
          people_(config_) {}

    SshdExamination examine() {
        look();
        return {std::move(findings_), is_pam_second_};
    }

  private:
    void look() {
        const auto others = people_.but_root();
        const auto root = people_.root();
        const auto usual = usual_connection();
        const auto everybody = look_as(plainest(config_, others, usual), nullptr);
        if (!everybody) return;
        const auto usual_root = look_as(plainest(config_, root, usual), nullptr);
        judge(everybody, usual_root);
        judge(usual_root, usual_root);
        for (const auto& block : config_.blocks) {
            if (Clock::now() - begun_ > time_for_all) {
                note_no_time(block);
                break;
            }
            const auto somebody = somebody_in(config_, block, others, usual);
            const auto as_root = root_in(block, root, usual);
            const auto root_there = as_root ? look_as(*as_root, &block) : usual_root;
            if (somebody) judge(look_as(*somebody, &block), root_there);
            if (as_root) judge(root_there, root_there);
            if (!somebody && !as_root) note_unseen(block);
        }
    }
    SshdConnection usual_connection() const {
        constexpr auto elsewhere = "192.0.2.1";  // an address of nobody's (RFC 5737)
        SshdConnection usual{{"nobody", {}}, elsewhere, elsewhere, "192.0.2.2", "22", ""};
        const auto port = std::ranges::find(config_.lines, "port", &SshdLine::keyword);
        if (port != config_.lines.end() && !port->arguments.empty()) usual.local_port = port->arguments[0];
        return usual;
    }
    std::optional<SshdConnection> root_in(const SshdBlock& block, std::span<const SshdPerson> root,
                                          const SshdConnection& usual) const {
        auto found = somebody_in(config_, block, root, usual);
        if (found && found->person.name != "root") found.reset();
        return found;
    }

    /// Nothing where sshd doesn't say its settings.
    std::optional<SshdView> look_as(const SshdConnection& connection, const SshdBlock* block) {
        const auto settings = ask(connection);
        if (!settings) {
            note_silence(settings.failure());
            return std::nullopt;
        }
        note_service(connection, *settings);
        return SshdView{connection, *settings, stack_of(settings->pam_service), block};
    }
    void judge(const std::optional<SshdView>& view, const std::optional<SshdView>& root) {
        if (!view) return;
        add_new(judge_sshd(config_, *view, root ? &*root : nullptr));
        if (std::ranges::any_of(ways_in(*view), begins_with_pam)) is_pam_second_ = false;
    }
    Result<SshdSettings> ask(const SshdConnection& connection) const {
        const auto said =
            answer_of({program_, {"-T", "-C", connection_spec(connection)}, true}, "", longest_answer);
        if (!said) return said.failure();
        return parse_sshd_settings(said->text());
    }

    /// What the doctor found of the service's stack.
    SshdStack stack_of(const std::string& service) {
        const auto known = stacks_.find(service);
        if (known != stacks_.end()) return known->second;
        const auto found = std::ranges::find(examined_, service, &Examination::service);
        const auto examination = found != examined_.end() ? *found : examine_service(surroundings_, service);
        const bool lets_unenrolled_in = std::ranges::find(examination.findings, "unenrolled",
                                                          &CheckFinding::kind) != examination.findings.end();
        const SshdStack stack{examination.protection, examination.takes_one_field, lets_unenrolled_in};
        stacks_.emplace(service, stack);
        return stack;
    }

    /// The same isn't said again of fewer people.
    void add_new(std::vector<CheckFinding> findings) {
        for (auto& finding : findings) {
            const bool is_known = std::ranges::any_of(findings_, [&](const CheckFinding& other) {
                return other.kind == finding.kind && other.place.file == finding.place.file &&
                       other.place.line == finding.place.line && other.severity == finding.severity;
            });
            if (!is_known) findings_.push_back(std::move(finding));
        }
    }
    void note_silence(const Failure& failure) {
        is_pam_second_ = false;
        if (failure.trouble == Trouble::system) {
            add_new({{Severity::warning,
                      "unseen",
                      "sshd",
                      tr("its settings aren't known: %1", {failure.message}),
                      {config_.file},
                      tr("see what keeps `sshd -T` from answering")}});
            return;
        }
        const auto words = failure.message.english();  // sshd's own
        constexpr std::string_view not_running = "Missing privilege separation directory: ";
        if (words.starts_with(not_running)) {
            add_new({{Severity::remark,
                      "not_running",
                      "sshd",
                      tr("its settings aren't known, as it doesn't run"),
                      {},
                      tr("start it, or run %1", {"mkdir -m 755 " + words.substr(not_running.size())})}});
            return;
        }
        auto place = place_in_complaint(words);
        if (place.file.empty() && words.find("AuthenticationMethods") != std::string::npos) {
            const auto line = std::ranges::find(config_.lines, "authenticationmethods", &SshdLine::keyword);
            if (line != config_.lines.end()) place = line->place;
        }
        if (place.file.empty()) place = {config_.file};
        add_new({{Severity::fault, "sshd_settings", "sshd",
                  tr("nobody gets in once it is started anew: %1", {words}), place,
                  tr("correct what it complains of, until `sshd -t` says nothing")}});
    }
    void note_no_time(const SshdBlock& block) {
        is_pam_second_ = false;
        add_new({{Severity::warning, "unseen", "sshd",
                  tr("it takes so long to answer that nothing was looked at from `%1` on", {block.written}),
                  block.place, tr("see what keeps `sshd -T` from answering")}});
    }
    void note_unseen(const SshdBlock& block) {
        is_pam_second_ = false;
        add_new(
            {{Severity::remark,
              "unseen",
              "sshd",
              tr("nobody was found to whom `%1` applies, so it isn't known what it does", {block.written}),
              block.place,
              {}}});
    }
    void note_service(const SshdConnection& connection, const SshdSettings& settings) {
        if (!settings.use_pam || settings.pam_service == "sshd") return;
        const auto protection = stack_of(settings.pam_service).protection;
        const bool is_sound = protection == Protection::proven || protection == Protection::exempt;
        const auto* const line = deciding_line(config_, connection, "pamservicename");
        const auto name = printable(settings.pam_service);
        add_new(
            {{is_sound ? Severity::remark : Severity::fault, "pam_service", "sshd",
              is_sound ? tr("PAM is asked about the service %1, not sshd", {name})
                       : tr("PAM is asked about the service %1, not sshd, and that doesn't ask for a code, "
                            "or can be passed without one",
                            {name}),
              line != nullptr ? line->place : FileLine{config_.file},
              is_sound ? Sentence()
                       : tr("do what `totp-enroll check %1` says", {shell_word(settings.pam_service)})}});
    }

    const Surroundings& surroundings_;
    const std::span<const Examination> examined_;
    const char* const program_;
    const SshdConfig config_;
    const People people_;
    const Clock::time_point begun_ = Clock::now();
    std::map<std::string, SshdStack> stacks_;
    std::vector<CheckFinding> findings_;
    bool is_pam_second_ = true;
};

}  // namespace

SshdExamination examine_sshd(const Surroundings& surroundings, std::span<const Examination> examined) {
    const auto* const program = first_of(programs, X_OK);
    const auto* const file = first_of(config_files, F_OK);
    if (program == nullptr || file == nullptr) return {};
    if (geteuid() != 0) {
        return {{{Severity::remark,
                  "not_root",
                  "sshd",
                  tr("its own settings are told to root alone"),
                  {},
                  tr("run `%1`", {"sudo totp-enroll check sshd"})}}};
    }
    return Examiner(surroundings, examined, program, file).examine();
}

}  // namespace totp
