#include "enroll/doctor/program_judgement.h"

#include <sys/stat.h>

#include "core/shell_words.h"
#include "enroll/doctor/file_judge.h"

namespace totp {
namespace {

constexpr uid_t root = 0;
constexpr mode_t lends_its_group = 02755;
constexpr mode_t for_its_group_as_root = 04710;

mode_t bits_of(const SeenFile& file) { return file.look.mode & ALLPERMS; }

bool can_be_changed(const SeenFile& file) {
    return file.look.owner != root || (file.look.mode & (S_IWGRP | S_IWOTH)) != 0;
}

/// To be made as it was installed.
std::string restored(const SeenFile& file, const char* group, const char* mode) {
    const auto path = shell_word(file.path);
    return std::string("chown root:") + group + " " + path + " && chmod " + mode + " " + path;
}

class ProgramJudge : FileJudge {
  public:
    explicit ProgramJudge(const ProgramFacts& facts) : facts_(facts) {}

    std::vector<CheckFinding> judge() {
        judge_group();
        judge_lending(facts_.totp_enroll, tr("nobody but root can enrol or look after their own"));
        if (facts_.totp_check.is_there) {
            judge_lending(facts_.totp_check,
                          tr("programs that aren't root's (screen lockers) let nobody in"));
        } else {
            add(Severity::fault, "program_missing", facts_.totp_check,
                tr("isn't there, so programs that aren't root's (screen lockers) let nobody in"),
                tr("install it again"));
        }
        if (facts_.totp_check_any.is_there) judge_check_any(facts_.totp_check_any);
        for (const auto* program : {&facts_.totp_check_postgresql, &facts_.totp_person_postgresql}) {
            if (program->is_there) judge_lending(*program, tr("nobody but root asks a fleet's database"));
        }
        if (facts_.asks_database && !facts_.totp_check_postgresql.is_there) {
            add(Severity::fault, "program_missing", facts_.totp_check_postgresql,
                tr("isn't there, so with engine = postgresql nobody gets in"),
                tr("install the package %1, or build with %2",
                   {"libpam-totp-postgresql", "-DPAM_TOTP_POSTGRESQL=ON"}));
        }
        if (facts_.totp_administer_postgresql.is_there) judge_for_root(facts_.totp_administer_postgresql);
        judge_module();
        return std::move(findings_);
    }

  private:
    void judge_group() {
        if (facts_.group) return;
        std::vector<std::string> lending = {facts_.totp_enroll.path, facts_.totp_check.path};
        for (const auto* program : {&facts_.totp_check_postgresql, &facts_.totp_person_postgresql}) {
            if (program->is_there) lending.push_back(program->path);
        }
        findings_.push_back({Severity::remark,
                             "no_group",
                             store_group,
                             tr("there is no such group, so nobody but root enrols, and programs that aren't "
                                "root's (screen lockers) let nobody in"),
                             {},
                             std::string("groupadd --system ") + store_group + " && totp-enroll prepare && " +
                                 command_line(std::string("chgrp ") + store_group, lending) + " && " +
                                 command_line("chmod 2755", lending)});
    }
    void judge_lending(const SeenFile& file, const Sentence& consequence) {
        const auto change =
            restored(file, facts_.group ? store_group : "root", facts_.group ? "2755" : "755");
        if (can_be_changed(file)) {
            add(Severity::fault, "program_writable", file, tr("can be changed by others than root"), change);
        } else if (!facts_.group) {
            if ((file.look.mode & (S_ISUID | S_ISGID)) != 0) {
                add(Severity::fault, "program_mode", file, tr("lends a group or user that it shouldn't"),
                    change);
            }
        } else if (file.group != *facts_.group || bits_of(file) != lends_its_group) {
            add(Severity::fault, "program_mode", file,
                tr("isn't setgid %1 with mode 2755, so %2", {store_group, consequence}), change);
        } else {
            judge_mount(file, consequence);
        }
    }
    /// Its certificate is for root's eyes: who else runs it changes nothing.
    void judge_for_root(const SeenFile& file) {
        const auto change = restored(file, "root", "700");
        if (can_be_changed(file)) {
            add(Severity::fault, "program_writable", file, tr("can be changed by others than root"), change);
        } else if ((file.look.mode & (S_ISUID | S_ISGID)) != 0) {
            add(Severity::fault, "program_mode", file, tr("lends a group or user that it shouldn't"), change);
        }
    }
    void judge_check_any(const SeenFile& file) {
        const bool is_for_anybody = (file.look.mode & S_ISUID) != 0 && (file.look.mode & S_IXOTH) != 0;
        const bool is_switched_off = (file.look.mode & (S_ISUID | S_ISGID | S_IRWXO)) == 0;
        const bool is_lent =
            facts_.verifiers && file.group == *facts_.verifiers && bits_of(file) == for_its_group_as_root;
        const auto change = facts_.verifiers ? restored(file, verifier_group, "4710")
                                             : command_line("chmod u-s,o=", {file.path});
        if (can_be_changed(file)) {
            add(Severity::fault, "program_writable", file, tr("can be changed by others than root"), change);
        } else if (is_for_anybody) {
            add(Severity::fault, "program_mode", file, tr("lets anybody try codes in anybody's name"),
                change);
        } else if (!facts_.verifiers && (file.look.mode & S_ISUID) != 0) {
            add(Severity::fault, "program_mode", file,
                tr("is setuid root, but there is no group %1", {verifier_group}), change);
        } else if (facts_.verifiers && is_switched_off) {
            add(Severity::remark, "program_mode", file,
                tr("is switched off (not setuid root), so service accounts in the group %1 let nobody in",
                   {verifier_group}),
                change);
        } else if (facts_.verifiers && !is_lent) {
            add(Severity::fault, "program_mode", file,
                tr("isn't setuid root for the group %1 with mode 4710, so service accounts in that group let "
                   "nobody in",
                   {verifier_group}),
                change);
        } else if (is_lent) {
            judge_mount(file, tr("service accounts that verify others let nobody in"));
        }
    }
    void judge_mount(const SeenFile& file, const Sentence& consequence) {
        if (!file.mount.is_nosuid) return;
        add(Severity::fault, "nosuid", file,
            tr("lies on %1, which is mounted nosuid: what it is lent has no effect, so %2",
               {file.mount.point, consequence}),
            command_line("mount -o remount,suid", {file.mount.point}));
    }
    void judge_module() {
        if (facts_.lacks_module) {
            Sentence places;
            for (const auto& directory : facts_.module_directories)
                places = places.empty() ? Sentence(directory) : tr("%1 or %2", {places, directory});
            findings_.push_back({Severity::fault,
                                 "module_missing",
                                 "pam_totp.so",
                                 tr("isn't where libpam looks for modules, in %1", {places}),
                                 {},
                                 tr("install it again")});
        }
        for (const auto& module : facts_.modules) {
            if (!can_be_changed(module)) continue;
            add(Severity::fault, "module_writable", module,
                tr("can be changed by others than root, and logins run it"),
                command_line("chown root", {module.path}) + " && " +
                    command_line("chmod go-w", {module.path}));
        }
    }

    const ProgramFacts& facts_;
};

}  // namespace

std::vector<CheckFinding> judge_programs(const ProgramFacts& facts) { return ProgramJudge(facts).judge(); }

}  // namespace totp
