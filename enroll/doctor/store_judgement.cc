#include "enroll/doctor/store_judgement.h"

#include <algorithm>
#include <array>
#include <map>

#include <sys/stat.h>

#include "core/shell_words.h"
#include "enroll/doctor/file_judge.h"
#include "enroll/doctor/many.h"
#include "enroll/doctor/program_facts.h"

namespace totp {
namespace {

/// Fewer enrolments than this find room: worth a word before the last one fails.
constexpr std::uint64_t enrolments_to_have_room_for = 100;
constexpr std::uint64_t bytes_of_an_enrolment = 8'192;
constexpr std::uint64_t files_of_an_enrolment = 2;
constexpr off_t key_size = 32;

constexpr mode_t search_only = 0710;
constexpr mode_t add_but_not_take_away = 01770;
constexpr mode_t for_root_and_group = 0640;

constexpr std::array<std::string_view, 13> network_file_systems = {
    "nfs",    "nfs4",       "cifs",           "smb3",          "9p", "ceph", "afs", "gfs2", "ocfs2",
    "lustre", "fuse.sshfs", "fuse.glusterfs", "fuse.ceph-fuse"};

bool is_of_network(const Mount& mount) {
    return std::ranges::find(network_file_systems, mount.type) != network_file_systems.end();
}

bool is_in_memory(const Mount& mount) { return mount.type == "tmpfs" || mount.type == "ramfs"; }

/// Four digits.
std::string octal(mode_t mode) {
    std::string digits;
    for (const int shift : {9, 6, 3, 0}) digits += static_cast<char>('0' + ((mode >> shift) & 7));
    return digits;
}

/// What has the other name keeps the old file.
std::string made_a_file_of_its_own(const std::string& path) {
    const auto word = shell_word(path);
    return "cp -p " + word + " " + word + "~ && mv " + word + "~ " + word;
}

/// Held as a login holds it, so that nothing that is written meanwhile is undone.
std::string written_once_more(const std::string& path) {
    const auto word = shell_word(path);
    return "flock " + word + " dd if=" + word + " of=" + word + " bs=4096 conv=notrunc,fsync status=none";
}

std::string one_after_the_other(const std::vector<std::string>& paths,
                                std::string (*command)(const std::string& path)) {
    std::string line;
    for (const auto& path : paths) {
        line += line.empty() ? "" : " && ";
        line += command(path);
    }
    return line;
}

Sentence and_so_on(const std::string& command) {
    return tr("%1, and so on: --json has all names", {command});
}

class StoreJudge : FileJudge {
  public:
    StoreJudge(const StoreFacts& facts, const std::vector<std::string>& options)
        : facts_(facts), options_(options) {}

    std::vector<CheckFinding> judge() {
        if (!facts_.store.file.is_there && !facts_.key.is_there) {
            add(Severity::fault, "store_missing", facts_.store.file, tr("isn't there, nor is the host key"),
                command("prepare"));
            return std::move(findings_);
        }
        judge_directory(facts_.store, search_only);
        for (const auto* each : {&facts_.enrolled, &facts_.pending, &facts_.state})
            judge_directory(*each, add_but_not_take_away);
        judge_key();
        for (const auto* each : {&facts_.enrolled, &facts_.state, &facts_.pending}) {
            judge_records(*each);
            judge_strange(*each);
        }
        judge_nobody();
        judge_file_systems();
        judge_security();
        return std::move(findings_);
    }

  private:
    std::string command(const std::string& word) const {
        return command_line("totp-enroll " + word, options_);
    }

    // ---- directories

    void judge_directory(const SeenDirectory& directory, mode_t mode) {
        const auto& file = directory.file;
        if (!file.is_there) {
            return add(Severity::fault, "directory_missing", file, tr("is missing"),
                       change_of_missing(directory));
        }
        if (!S_ISDIR(file.look.mode)) {
            return add(Severity::fault, "directory_kind", file, tr("isn't a directory"),
                       tr("name the directory itself, not a link to it, with store or state in "
                          "pam_totp.conf"));
        }
        if (const auto flaw = flaw_of_directory(file.look, facts_.owner)) {
            return add(Severity::fault, "directory_flaw", file, flaw->what,
                       command_line(flaw->command, {file.path}));
        }
        if (facts_.group) judge_group_of_directory(file, mode);
    }
    /// With a new one everybody is somebody who isn't enrolled, and may get in so.
    Sentence change_of_missing(const SeenDirectory& directory) const {
        const bool has_enrolments = &directory == &facts_.store || &directory == &facts_.enrolled;
        if (!has_enrolments) return command("prepare");
        return tr(
            "mount it, or bring it back from a backup: see pam-totp-emergency(7); a new one, in which "
            "nobody is enrolled, is made by %1",
            {command("prepare")});
    }
    void judge_group_of_directory(const SeenFile& file, mode_t mode) {
        if (file.group == *facts_.group && (file.look.mode & mode) == mode) return;
        const auto path = shell_word(file.path);
        add(Severity::fault, "directory_group", file,
            tr("isn't the group %1's with mode %2, so nobody but root enrols, and programs that aren't "
               "root's let nobody in",
               {store_group, octal(mode)}),
            std::string("chgrp ") + store_group + " " + path + " && chmod " + octal(mode) + " " + path);
    }

    // ---- the key

    void judge_key() {
        const auto& key = facts_.key;
        const auto path = shell_word(key.path);
        if (!key.is_there) return judge_missing_key();
        if (const auto flaw = flaw_of_key(key.look, facts_.owner)) {
            add(Severity::fault, "key_flaw", key, tr("the host key %1", {flaw->what}),
                flaw->command.empty() ? tr("put the key itself there")
                                      : Sentence(command_line(flaw->command, {key.path})));
        } else if (key.size != key_size) {
            add(Severity::fault, "key_size", key, tr("the host key isn't 32 bytes long"),
                tr("bring the right one back from a backup: see pam-totp-emergency(7)"));
        } else if (facts_.group && (key.group != *facts_.group ||
                                    (key.look.mode & for_root_and_group) != for_root_and_group)) {
            add(Severity::fault, "key_group", key,
                tr("the host key can't be read by the group %1, so nobody but root enrols, and programs that "
                   "aren't root's let nobody in",
                   {store_group}),
                std::string("chgrp ") + store_group + " " + path + " && chmod 0640 " + path);
        }
        if (facts_.next_key.is_there) {
            add(Severity::warning, "rekey_unfinished", facts_.next_key,
                tr("a rekey was begun and isn't finished (or is at it now): both keys are needed until then"),
                command("rekey"));
        }
    }
    void judge_missing_key() {
        if (facts_.enrolled.record_count == 0) {
            return add(Severity::fault, "key_missing", facts_.key, tr("the host key isn't there"),
                       command("prepare"));
        }
        add(Severity::fault, "key_missing", facts_.key,
            tr("the host key isn't there, so no enrolment can be opened and nobody gets in by a code"),
            tr("bring it back from a backup: see pam-totp-emergency(7)"));
    }

    // ---- records

    void judge_records(const SeenDirectory& directory) {
        std::map<std::string, std::vector<const SeenRecord*>> by_flaw;
        std::vector<const SeenRecord*> with_holes;
        std::vector<const SeenRecord*> copied;
        for (const auto& record : directory.records) {
            if (record.flaw) by_flaw[record.flaw->what.english()].push_back(&record);
            if (record.has_hole) with_holes.push_back(&record);
            if (record.is_copied) copied.push_back(&record);
        }
        for (const auto& [what, records] : by_flaw) note_flaw(directory, records);
        note_holes(directory, with_holes);
        note_copied(directory, copied.size());
    }
    static std::vector<std::string> sorted(const std::vector<const SeenRecord*>& records,
                                           std::string SeenRecord::*part) {
        std::vector<std::string> parts;
        parts.reserve(records.size());
        for (const auto* record : records) parts.push_back(record->*part);
        std::ranges::sort(parts);
        return parts;
    }
    void about_records(Severity severity, const std::string& kind, const SeenDirectory& directory,
                       std::vector<std::string> users, const Sentence& sentence, const Sentence& change) {
        add(severity, kind, directory.file, sentence, change);
        findings_.back().accounts = std::move(users);
    }
    void note_flaw(const SeenDirectory& directory, const std::vector<const SeenRecord*>& records) {
        const auto& flaw = *records.front()->flaw;
        const auto paths = sorted(records, &SeenRecord::path);
        Sentence change;
        if (paths.size() > most_named) {
            change =
                and_so_on((flaw.command.empty() ? "rm -r" : flaw.command) + " " + shell_word(paths.front()));
        } else if (!flaw.command.empty()) {
            change = command_line(flaw.command, paths);
        } else if (S_ISREG(records.front()->mode)) {
            change = one_after_the_other(paths, made_a_file_of_its_own);
        } else {
            change = command_line("rm -r", paths);
        }
        auto users = sorted(records, &SeenRecord::user);
        const auto sentence =
            tr_n("the record of %2 %3, so a login refuses it", "each record of %2 %3, so a login refuses it",
                 static_cast<std::int64_t>(users.size()), {names_in_words(users), flaw.what});
        about_records(Severity::fault, "record_flaw", directory, std::move(users), sentence, change);
    }
    void note_holes(const SeenDirectory& directory, const std::vector<const SeenRecord*>& records) {
        if (records.empty()) return;
        const auto paths = sorted(records, &SeenRecord::path);
        auto named = paths;
        named.resize(std::min(paths.size(), most_named));
        const auto change = one_after_the_other(named, written_once_more);
        auto users = sorted(records, &SeenRecord::user);
        const auto sentence =
            tr_n("the record of %2 isn't written to its last block, so on a full disk a login fails",
                 "each record of %2 isn't written to its last block, so on a full disk a login fails",
                 static_cast<std::int64_t>(users.size()), {names_in_words(users)});
        about_records(Severity::warning, "hole", directory, std::move(users), sentence,
                      paths.size() > most_named ? and_so_on(change) : change);
    }
    /// A file of this kind is told not to be copied while it is empty: so each is made anew, held as a login
    /// holds it.
    void note_copied(const SeenDirectory& directory, std::size_t count) {
        if (!directory.copies_on_write || !is_state(directory)) return;
        const auto& file = directory.file;
        if (file.mount.type != "btrfs") {
            add(Severity::warning, "copies_on_write", file,
                tr("lies on %1, which writes nothing in place, so on a full disk nobody gets in",
                   {file.mount.type}),
                tr("keep the login states on another file system, with state in pam_totp.conf"));
        } else if (!directory.makes_files_in_place || count > 0) {
            add(Severity::warning, "copies_on_write", file,
                tr("lies on btrfs and is copied when it is written, so on a full disk nobody gets in"),
                "chattr +C " + shell_word(file.path) + " && cd " + shell_word(file.path) +
                    " && for f in .nobody *; do [ ! -f \"$f\" ] || flock \"$f\" sh -c 'cp -p --reflink=never "
                    "\"$1\" \"$1~\" && sync \"$1~\" && mv \"$1~\" \"$1\"' sh \"$f\"; done");
        }
    }
    bool is_state(const SeenDirectory& directory) const { return &directory == &facts_.state; }

    void judge_nobody() {
        const bool is_all_there =
            facts_.enrolled.file.is_there && facts_.state.file.is_there && facts_.key.is_there;
        if (facts_.has_nobody || !is_all_there) return;
        add(Severity::warning, "nobody", facts_.enrolled.file,
            tr("the records are missing that stand for who isn't enrolled: by how long a refusal takes, "
               "others can tell who is"),
            command("prepare"));
    }
    void judge_strange(const SeenDirectory& directory) {
        if (directory.strange.empty()) return;
        auto paths = directory.strange;
        std::ranges::sort(paths);
        const auto change = paths.size() > most_named
                                ? tr("%1, and so on: see ls -la", {command_line("rm -r", {paths.front()})})
                                : Sentence(command_line("rm -r", paths));
        add(Severity::warning, "strange", directory.file,
            tr_n("there is something that can't be a record: %2",
                 "there are things that can't be records: %2", static_cast<std::int64_t>(paths.size()),
                 {names_in_words(paths)}),
            change);
    }

    // ---- file systems

    void judge_file_systems() {
        const auto& state = facts_.state;
        const auto& enrolled = facts_.enrolled;
        if (state.file.mount.is_read_only) {
            add(Severity::fault, "read_only", state.file,
                tr("lies on %1, which is mounted read-only: nobody gets in by a code",
                   {state.file.mount.point}),
                command_line("mount -o remount,rw", {state.file.mount.point}));
        } else if (enrolled.file.mount.is_read_only) {
            add(Severity::remark, "read_only", enrolled.file,
                tr("lies on %1, which is mounted read-only: nobody can enrol", {enrolled.file.mount.point}),
                {});
        }
        judge_room(enrolled);
        if (state.file.mount.point != enrolled.file.mount.point) judge_room(state);
        judge_network();
        judge_memory();
    }
    void judge_room(const SeenDirectory& directory) {
        const auto& [bytes, files] = directory.room;
        if (!directory.file.is_there || directory.file.mount.is_read_only) return;
        const auto fit =
            std::min(bytes / bytes_of_an_enrolment, files.value_or(UINT64_MAX) / files_of_an_enrolment);
        if (fit >= enrolments_to_have_room_for) return;
        const bool lacks_files = files && *files / files_of_an_enrolment <= bytes / bytes_of_an_enrolment;
        const auto lack = lacks_files ? tr("there are too few inodes on %1", {directory.file.mount.point})
                                      : tr("there is too little space on %1", {directory.file.mount.point});
        add(Severity::warning, "room", directory.file,
            fit == 0
                ? tr("%1: nobody can enrol (who is enrolled gets in all the same)", {lack})
                : tr("%1: no more than %2 can enrol (who is enrolled gets in all the same)", {lack, fit}),
            tr("make room there"));
    }
    void judge_network() {
        const auto& state = facts_.state.file;
        if (state.mount.locks_alone) {
            add(Severity::fault, "network", state,
                tr("lies on a network file system that keeps locks to this host (nolock or local_lock): "
                   "another host lets the same code in at the same time"),
                tr("mount it without these options, or give each host login states of its own, with state in "
                   "pam_totp.conf"));
        } else if (is_of_network(state.mount)) {
            add(Severity::warning, "network", state,
                tr("lies on a network file system (%1): nobody gets in by a code while that can't be reached",
                   {state.mount.type}),
                tr("keep the login states on a disk of this host, with state in pam_totp.conf"));
        }
    }
    void judge_memory() {
        const auto& state = facts_.state.file;
        if (is_in_memory(facts_.enrolled.file.mount)) {
            add(Severity::warning, "in_memory", facts_.enrolled.file,
                tr("lies in memory (%1): after a boot nobody is enrolled", {facts_.enrolled.file.mount.type}),
                tr("keep the store on a disk, with store in pam_totp.conf"));
        } else if (is_in_memory(state.mount) && facts_.missing_state == MissingState::refuse) {
            add(Severity::warning, "in_memory", state,
                tr("lies in memory (%1): after a boot nobody gets in by a code", {state.mount.type}),
                tr("keep the login states on a disk, or see missing_state in pam_totp.conf(5)"));
        }
    }

    // ---- what else may keep a login from the store

    void judge_security() {
        const auto& state = facts_.state;
        const auto path = state.file.path;
        const bool is_general = state.security_label.find(":var_lib_t:") != std::string::npos ||
                                state.security_label.find(":default_t:") != std::string::npos ||
                                state.security_label.find(":unlabeled_t:") != std::string::npos;
        if (facts_.selinux_enforces && is_general) {
            add(Severity::warning, "selinux", state.file,
                tr("SELinux is enforcing, and the directory is labelled %1: unless a policy of yours lets "
                   "them, programs that log people in can't write there",
                   {state.security_label}),
                "semanage fcontext -a -t var_auth_t " + shell_word(facts_.store.file.path + "(/.*)?") +
                    " && " + command_line("restorecon -R", {facts_.store.file.path}));
        }
        if (facts_.confined_programs.empty()) return;
        add(Severity::remark, "apparmor", facts_.store.file,
            tr_n("AppArmor confines %2: its profile must have the lines `%3* r,`, `%4/** r,` and `%5/* rwk,`",
                 "AppArmor confines %2: their profiles must have the lines `%3* r,`, `%4/** r,` and `%5/* "
                 "rwk,`",
                 static_cast<std::int64_t>(facts_.confined_programs.size()),
                 {names_in_words(facts_.confined_programs), facts_.key.path, facts_.store.file.path, path}),
            {});
    }

    const StoreFacts& facts_;
    const std::vector<std::string>& options_;
};

}  // namespace

std::vector<CheckFinding> judge_store(const StoreFacts& facts, const std::vector<std::string>& options) {
    return StoreJudge(facts, options).judge();
}

}  // namespace totp
