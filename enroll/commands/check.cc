// totp-enroll check: looks at this machine as a doctor, and says what to change.
#include <algorithm>
#include <ctime>

#include "core/percent.h"
#include "enroll/command.h"
#include "enroll/doctor/libpam.h"
#include "enroll/doctor/machine_examiner.h"
#include "enroll/doctor/services_of_interest.h"
#include "enroll/doctor/sshd_examiner.h"
#include "enroll/doctor/sshd_ways.h"
#include "enroll/doctor/stack_examiner.h"
#include "enroll/doctor/usual_doors.h"
#include "enroll/exit_code.h"
#include "enroll/json.h"
#include "enroll/terminal.h"

namespace totp {
namespace {

/// By which totp-enroll acts on the accounts that are looked at.
std::vector<std::string> options_for(const SharedOptions& shared, const Settings& settings) {
    std::vector<std::string> options;
    for (const auto& [name, value] : {std::pair("--config", shared.config),
                                      std::pair("--store", shared.store), std::pair("--key", shared.key)}) {
        if (!value.empty()) options.insert(options.end(), {name, value});
    }
    if (settings.engine != Engine::files) options.emplace_back("--local");
    return options;
}

class Check : public Command {
  public:
    void declare(Options& options) override {
        options.value("SERVICE", services_, "TEXT", "PAM services to look at; without one all that matter");
        options.example("totp-enroll check sshd");
    }

    int run(const SharedOptions& shared) override {
        if (const auto refused = refuse_user(shared, "check")) return complain(*refused);
        if (const auto refused = refuse_names()) return complain(*refused);
        const Surroundings surroundings{places_of_libpam(),
                                        {PAM_TOTP_VENDOR_DIRECTORY, PAM_TOTP_SETTINGS_DIRECTORY, 0},
                                        std::time(nullptr)};
        examine_stacks(surroundings);
        if (is_meant_to_ask("sshd")) add_sshd(examine_sshd(surroundings, examined_));
        if (services_.empty()) {
            if (const auto failure = examine_machine(shared, surroundings)) return complain(*failure);
        }
        if (shared.json) {
            print_json(facts());
        } else {
            print_all();
        }
        return is_sound(findings_) ? exit_done : exit_refused;
    }

  private:
    std::optional<Failure> refuse_names() const {
        for (const auto& name : services_) {
            if (name.empty() || name.find('/') != std::string::npos) {
                return Failure{Trouble::input,
                               tr("a service is the name of a file in /etc/pam.d: %1", {printable(name)})};
            }
        }
        return std::nullopt;
    }
    void examine_stacks(const Surroundings& surroundings) {
        const bool is_asked_for = !services_.empty();
        if (is_asked_for) {
            for (const auto& service : services_) examined_.push_back(examine_service(surroundings, service));
        } else {
            examined_ = examine_services_of_interest(surroundings);
        }
        for (auto& examined : examined_) {
            tell_of_doors(examined);
            if (is_asked_for) demand_code(examined);
            add(examined.findings);
        }
        if (is_asked_for || std::ranges::any_of(examined_, asks_for_code)) return;
        findings_.push_back(
            {Severity::fault,
             "no_code",
             tr("all services"),
             tr("none asks for a code"),
             {},
             tr("pam-auth-update --enable totp, or the line `auth required pam_totp.so` after the one "
                "that checks the password")});
    }
    /// Whether it was named, or asks for a code already.
    bool is_meant_to_ask(std::string_view service) const {
        const auto examined = std::ranges::find(examined_, service, &Examination::service);
        return examined != examined_.end() && (!services_.empty() || asks_for_code(*examined));
    }
    /// All that isn't a stack's. Settings that are wrong are a finding, as in a stack.
    std::optional<Failure> examine_machine(const SharedOptions& shared, const Surroundings& surroundings) {
        if (!is_root()) {
            add(examine_machine_for_anybody(surroundings.pam, doors_found()));
            return std::nullopt;
        }
        const auto installation = find_installation(shared);
        if (!installation && installation.failure().trouble != Trouble::settings)
            return installation.failure();
        if (!installation) {
            add({{Severity::fault, "settings", tr("settings"), installation.failure().message}});
            return std::nullopt;
        }
        add(examine_machine_for_root(surroundings.pam,
                                     {installation->settings, options_for(shared, installation->settings)},
                                     installation->places, doors_found(), surroundings.now, rfc3339));
        return std::nullopt;
    }
    void add(const std::vector<CheckFinding>& found) {
        findings_.insert(findings_.end(), found.begin(), found.end());
    }
    void add_sshd(const SshdExamination& sshd) {
        if (sshd.is_pam_second) tell_of_proof_before_pam(findings_);
        add(sshd.findings);
    }
    std::vector<Door> doors_found() const {
        std::vector<Door> found;
        for (const auto& examined : examined_) {
            const auto unenrolled = usual_door(examined.service) ? examined.unenrolled : std::nullopt;
            found.push_back({examined.service, unenrolled, examined.settings, examined.modules});
        }
        return found;
    }
    static bool asks_for_code(const Examination& examined) {
        return examined.protection != Protection::no_code && !examined.service.starts_with("totp-enroll");
    }
    static void tell_of_doors(Examination& examined) {
        const auto door = usual_door(examined.service);
        if (!door || examined.protection != Protection::no_code) return;
        for (auto& finding : examined.findings) tell_of_door(*door, finding);
    }
    /// Who asks after a service by name means it to ask for a code.
    static void demand_code(Examination& examined) {
        if (examined.protection != Protection::no_code) return;
        const auto door = usual_door(examined.service);
        for (auto& finding : examined.findings) {
            const bool is_shut_in_vain = finding.kind == "closed" && !(door && may_be_shut(*door));
            if (finding.kind == "no_code" || is_shut_in_vain) finding.severity = Severity::fault;
        }
    }

    bool has_fault(const std::string& service) const {
        return std::ranges::any_of(findings_, [&](const CheckFinding& finding) {
            return finding.about.english() == service && finding.severity == Severity::fault;
        });
    }
    bool has_way_beside_pam(const std::string& service) const {
        return std::ranges::any_of(findings_, [&](const CheckFinding& finding) {
            return finding.about.english() == service && is_way_beside_pam(finding);
        });
    }

    Json facts() const {
        Json facts = {
            {"sound", is_sound(findings_)}, {"services", Json::array()}, {"findings", Json::array()}};
        for (const auto& examined : examined_) {
            facts["services"].push_back({{"service", std::string_view(examined.service)},
                                         {"protection", name_of(examined.protection)}});
        }
        for (const auto& finding : findings_) facts["findings"].push_back(facts_of(finding));
        return facts;
    }
    void print_all() const {
        for (const auto& examined : examined_) {
            if (examined.protection != Protection::proven || has_fault(examined.service)) continue;
            const auto service = printable(examined.service);
            print_line(has_way_beside_pam(examined.service)
                           ? tr("proven  %1: nobody who is enrolled gets in by a password without a code.",
                                {service})
                           : tr("proven  %1: nobody who is enrolled gets in without a code.", {service}));
        }
        for (const auto severity : {Severity::fault, Severity::warning, Severity::remark}) {
            for (const auto& finding : findings_) {
                if (finding.severity == severity) print("\n" + text_of(finding));
            }
        }
    }

    std::vector<std::string> services_;
    std::vector<Examination> examined_;
    std::vector<CheckFinding> findings_;
};

}  // namespace

std::unique_ptr<Command> make_check() { return std::make_unique<Check>(); }

}  // namespace totp
