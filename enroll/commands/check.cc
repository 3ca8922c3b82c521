// totp-enroll check: looks at this machine as a doctor, and says what to change.
#include <algorithm>
#include <ctime>
#include <filesystem>
#include <set>

#include "core/percent.h"
#include "enroll/command.h"
#include "enroll/doctor/libpam.h"
#include "enroll/doctor/machine_examiner.h"
#include "enroll/doctor/sshd_examiner.h"
#include "enroll/doctor/sshd_ways.h"
#include "enroll/doctor/stack_examiner.h"
#include "enroll/doctor/usual_doors.h"
#include "enroll/exit_code.h"
#include "enroll/json.h"
#include "enroll/terminal.h"

namespace totp {
namespace {

namespace fs = std::filesystem;

/// What package managers leave beside a file. libpam would take it for a service if an application asked.
bool is_left_over(const std::string& name) {
    if (name.starts_with('.') || name.ends_with('~')) return true;
    for (const auto* mark : {".dpkg-", ".ucf-", ".rpm", ".pam-old", ".bak", ".orig", ".pacnew", ".pacsave"}) {
        if (name.find(mark) != std::string::npos) return true;
    }
    return false;
}

/// All files of the directories that may be services.
std::set<std::string> service_names(const PamPlaces& places) {
    std::set<std::string> names;
    for (const auto& directory : places.services) {
        std::error_code ignored;
        for (const auto& entry : fs::directory_iterator(directory, ignored)) {
            const auto name = entry.path().filename().string();
            if (!is_left_over(name)) names.insert(name);
        }
    }
    return names;
}

/// The files that lines of the service come from, its own aside.
void note_taken_in(const ServiceStacks& stacks, const std::string& service, std::set<std::string>& taken_in) {
    for (std::size_t phase = 0; phase < phase_count; ++phase) {
        if (stacks.is_of_other[phase]) continue;
        for (const auto& line : stacks.phases[phase]) {
            const auto name = fs::path(line.place.file).filename().string();
            if (name != service) taken_in.insert(name);
        }
    }
}

/// The services to look at where none is named: those our module is in, and the usual doors.
std::vector<std::string> services_of_interest(const PamPlaces& places) {
    std::vector<std::string> found;
    std::set<std::string> taken_in;
    const auto names = service_names(places);
    const auto is_door = [&](const std::string& name) { return usual_door(name, names).has_value(); };
    for (const auto& name : names) {
        const auto stacks = read_service(places, name);
        note_taken_in(stacks, name, taken_in);
        if (is_door(name) || is_ours_in(stacks)) found.push_back(name);
    }
    std::erase_if(found, [&](const std::string& name) { return taken_in.contains(name) && !is_door(name); });
    return found;
}

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
        if (is_meant_to_ask("sshd")) add(examine_sshd(surroundings, examined_));
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
        for (const auto& service : is_asked_for ? services_ : services_of_interest(surroundings.pam)) {
            auto examined = examine_service(surroundings, service);
            tell_of_doors(examined);
            if (is_asked_for) demand_code(examined);
            add(examined.findings);
            examined_.push_back(std::move(examined));
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
