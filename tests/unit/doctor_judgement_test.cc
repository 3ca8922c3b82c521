// What check makes of the machine's facts: programs, store, clock and accounts, each from a sound machine
// with one thing changed.
#include <functional>
#include <map>

#include <sys/stat.h>

#include "core/throttle.h"
#include "enroll/doctor/account_judgement.h"
#include "enroll/doctor/clock_judgement.h"
#include "enroll/doctor/many.h"
#include "enroll/doctor/program_judgement.h"
#include "enroll/doctor/store_judgement.h"
#include "tests/unit/devices.h"
#include "tests/unit/testing.h"

namespace totp {

void print(std::string_view) {}  // of enroll/terminal: nothing is printed here

namespace {

using namespace testing;

constexpr UnixTime now = 1'800'000'000;
constexpr gid_t totp_group = 900;
constexpr gid_t verifiers = 901;
constexpr uid_t games = 5;

/// The only finding; none where there is nothing to say.
void assert_finding(const std::vector<CheckFinding>& findings, Severity severity, const std::string& kind,
                    const std::string& change, const char* file = __builtin_FILE(),
                    int line = __builtin_LINE()) {
    std::string kinds;
    for (const auto& finding : findings) kinds += finding.kind + " ";
    claim(findings.size() == 1, kind + " is all there is: " + kinds, file, line);
    claim(findings[0].kind == kind, findings[0].kind + " is " + kind, file, line);
    claim(findings[0].severity == severity, kind + " is as grave as it should", file, line);
    _assert_string_equal(findings[0].change.english().c_str(), change.c_str(), file, line);
}

// ---- programs

SeenFile file(const std::string& path, mode_t mode, gid_t group) {
    return {.path = path, .is_there = true, .look = {.mode = mode}, .group = group, .mount = {"/", "ext4"}};
}

ProgramFacts sound_programs() {
    return {
        .totp_enroll = file("/bin/totp-enroll", S_IFREG | 02755, totp_group),
        .totp_check = file("/lib/totp_check", S_IFREG | 02755, totp_group),
        .totp_check_any = file("/lib/totp_check_any", S_IFREG | 04710, verifiers),
        .totp_check_postgresql = file("/lib/totp_check_postgresql", S_IFREG | 02755, totp_group),
        .totp_person_postgresql = file("/lib/totp_person_postgresql", S_IFREG | 02755, totp_group),
        .totp_administer_postgresql = file("/lib/totp_administer_postgresql", S_IFREG | 0700, 0),
        .group = totp_group,
        .verifiers = verifiers,
        .modules = {file("/lib/pam_totp.so", S_IFREG | 0644, 0), file("/opt/pam_totp.so", S_IFREG | 0644, 0)},
        .module_directories = {"/lib/security"}};
}

void sound_programs_are_no_matter(void**) {
    assert_int_equal(judge_programs(sound_programs()).size(), 0);
    auto facts = sound_programs();
    for (auto* each : {&facts.totp_check_any, &facts.totp_check_postgresql, &facts.totp_person_postgresql,
                       &facts.totp_administer_postgresql})
        *each = {.path = each->path};
    assert_int_equal(judge_programs(facts).size(), 0);
}

void each_flaw_of_a_program_is_told(void**) {
    using Damage = std::function<void(ProgramFacts&)>;
    const std::string check = "chown root:_totp /lib/totp_check && chmod 2755 /lib/totp_check";
    const std::string any = "chown root:_totp_verifier /lib/totp_check_any && chmod 4710 /lib/totp_check_any";
    const std::string fleet =
        "chown root:_totp /lib/totp_person_postgresql && chmod 2755 /lib/totp_person_postgresql";
    const std::string administrator =
        "chown root:root /lib/totp_administer_postgresql && chmod 700 /lib/totp_administer_postgresql";
    const std::tuple<std::string, std::string, Damage> cases[] = {
        {"program_mode", check, [](auto& facts) { facts.totp_check.look.mode = S_IFREG | 0755; }},
        {"program_mode", check, [](auto& facts) { facts.totp_check.group = 0; }},
        {"program_writable", check, [](auto& facts) { facts.totp_check.look.owner = games; }},
        {"program_writable", check, [](auto& facts) { facts.totp_check.look.mode = S_IFREG | 02757; }},
        {"program_missing", "install it again", [](auto& facts) { facts.totp_check.is_there = false; }},
        {"program_mode", any, [](auto& facts) { facts.totp_check_any.look.mode = S_IFREG | 04711; }},
        {"program_mode", any, [](auto& facts) { facts.totp_check_any.group = totp_group; }},
        {"program_mode", "chmod u-s,o= /lib/totp_check_any", [](auto& facts) { facts.verifiers.reset(); }},
        {"program_mode", fleet, [](auto& facts) { facts.totp_person_postgresql.look.mode = S_IFREG | 0755; }},
        {"program_mode", fleet,
         [](auto& facts) { facts.totp_person_postgresql.look.mode = S_IFREG | 04755; }},
        {"program_writable", fleet,
         [](auto& facts) { facts.totp_person_postgresql.look.mode = S_IFREG | 02775; }},
        {"program_mode", administrator,
         [](auto& facts) { facts.totp_administer_postgresql.look.mode = S_IFREG | 02755; }},
        {"program_writable", administrator,
         [](auto& facts) { facts.totp_administer_postgresql.look.owner = games; }},
        {"program_missing",
         "install the package libpam-totp-postgresql, or build with -DPAM_TOTP_POSTGRESQL=ON",
         [](auto& facts) {
             facts.asks_database = true;
             facts.totp_check_postgresql.is_there = false;
         }},
        {"nosuid", "mount -o remount,suid /lib",
         [](auto& facts) { facts.totp_check.mount = {.point = "/lib", .is_nosuid = true}; }},
        {"module_missing", "install it again", [](auto& facts) { facts.lacks_module = true; }},
        {"module_writable", "chown root /lib/pam_totp.so && chmod go-w /lib/pam_totp.so",
         [](auto& facts) { facts.modules[0].look.owner = games; }},
        {"module_writable", "chown root /opt/pam_totp.so && chmod go-w /opt/pam_totp.so",
         [](auto& facts) { facts.modules[1].look.mode = S_IFREG | 0664; }},
    };
    for (const auto& [kind, change, damage] : cases) {
        auto facts = sound_programs();
        damage(facts);
        assert_finding(judge_programs(facts), Severity::fault, kind, change);
    }
}

// ---- the store

SeenDirectory directory(const std::string& path, mode_t mode) {
    return {.file = file(path, S_IFDIR | mode, totp_group), .room = {1'000'000'000, 1'000'000}};
}

StoreFacts sound_store() {
    StoreFacts facts{.store = directory("/s", 0710),
                     .enrolled = directory("/s/enrolled", 01770),
                     .state = directory("/s/state", 01770),
                     .pending = directory("/s/pending", 01770),
                     .key = file("/key", S_IFREG | 0640, totp_group),
                     .next_key = {.path = "/key.next"},
                     .has_nobody = true,
                     .group = totp_group};
    facts.key.size = 32;
    return facts;
}

SeenRecord record(const std::string& user) {
    return {.path = "/s/state/" + user, .user = user, .mode = S_IFREG};
}

void a_sound_store_is_no_matter(void**) {
    assert_int_equal(judge_store(sound_store()).size(), 0);
    auto of_root = sound_store();
    of_root.group.reset();
    for (auto* each : {&of_root.store, &of_root.enrolled, &of_root.state, &of_root.pending}) {
        each->file.group = 0;
        each->file.look.mode = S_IFDIR | 0700;
    }
    of_root.key.group = 0;
    of_root.key.look.mode = S_IFREG | 0600;
    assert_int_equal(judge_store(of_root).size(), 0);
}

void each_flaw_of_a_store_is_told(void**) {
    using Damage = std::function<void(StoreFacts&)>;
    constexpr auto fault = Severity::fault;
    constexpr auto warning = Severity::warning;
    constexpr const char* without_enrolments =
        "mount it, or bring it back from a backup: see pam-totp-emergency(7); a new one, in which nobody is "
        "enrolled, is made by totp-enroll prepare";
    const std::tuple<Severity, std::string, std::string, Damage> cases[] = {
        {fault, "store_missing", "totp-enroll prepare",
         [](auto& facts) { facts.store.file.is_there = facts.key.is_there = false; }},
        {fault, "directory_missing", "totp-enroll prepare",
         [](auto& facts) { facts.pending.file.is_there = false; }},
        {fault, "directory_missing", without_enrolments,
         [](auto& facts) { facts.store.file.is_there = false; }},
        {fault, "directory_missing", without_enrolments,
         [](auto& facts) { facts.enrolled.file.is_there = false; }},
        {fault, "directory_flaw", "chmod o-rwx /s/state",
         [](auto& facts) { facts.state.file.look.mode |= S_IXOTH; }},
        {fault, "directory_flaw", "chmod +t /s/state",
         [](auto& facts) { facts.state.file.look.mode = S_IFDIR | 0770; }},
        {fault, "directory_group", "chgrp _totp /s && chmod 0710 /s",
         [](auto& facts) { facts.store.file.group = 0; }},
        {fault, "directory_group", "chgrp _totp /s/enrolled && chmod 1770 /s/enrolled",
         [](auto& facts) { facts.enrolled.file.look.mode = S_IFDIR | 0700; }},
        {fault, "key_flaw", "chmod g-w,o= /key", [](auto& facts) { facts.key.look.mode |= S_IROTH; }},
        {fault, "key_flaw", "chown root /key", [](auto& facts) { facts.key.look.owner = games; }},
        {fault, "key_group", "chgrp _totp /key && chmod 0640 /key", [](auto& facts) { facts.key.group = 0; }},
        {fault, "key_missing", "totp-enroll prepare", [](auto& facts) { facts.key.is_there = false; }},
        {fault, "key_missing", "bring it back from a backup: see pam-totp-emergency(7)",
         [](auto& facts) {
             facts.key.is_there = false;
             facts.enrolled.record_count = 1;
         }},
        {fault, "key_size", "bring the right one back from a backup: see pam-totp-emergency(7)",
         [](auto& facts) { facts.key.size = 31; }},
        {warning, "rekey_unfinished", "totp-enroll rekey",
         [](auto& facts) { facts.next_key.is_there = true; }},
        {fault, "record_flaw", "chmod go= /s/state/alice",
         [](auto& facts) {
             facts.state.records = {record("alice")};
             facts.state.records[0].flaw = Flaw{"is open to others", "chmod go="};
         }},
        {fault, "record_flaw", "cp -p /s/state/alice /s/state/alice~ && mv /s/state/alice~ /s/state/alice",
         [](auto& facts) {
             facts.state.records = {record("alice")};
             facts.state.records[0].flaw = Flaw{"has another name as well", ""};
         }},
        {fault, "record_flaw", "rm -r /s/state/alice",
         [](auto& facts) {
             facts.state.records = {record("alice")};
             facts.state.records[0].flaw = Flaw{"isn't a regular file", ""};
             facts.state.records[0].mode = S_IFDIR;
         }},
        {warning, "hole",
         "flock /s/state/alice dd if=/s/state/alice of=/s/state/alice bs=4096 conv=notrunc,fsync status=none",
         [](auto& facts) {
             facts.state.records = {record("alice")};
             facts.state.records[0].has_hole = true;
         }},
        {warning, "strange", "rm -r '/s/enrolled/what is this'",
         [](auto& facts) { facts.enrolled.strange = {"/s/enrolled/what is this"}; }},
        {warning, "nobody", "totp-enroll prepare", [](auto& facts) { facts.has_nobody = false; }},
        {fault, "read_only", "mount -o remount,rw /",
         [](auto& facts) { facts.state.file.mount.is_read_only = true; }},
        {Severity::remark, "read_only", "",
         [](auto& facts) { facts.enrolled.file.mount.is_read_only = true; }},
        {warning, "room", "make room there",
         [](auto& facts) {
             facts.enrolled.room = {99 * 8'192, std::nullopt};
         }},
        {warning, "room", "make room there", [](auto& facts) { facts.enrolled.room.files = 199; }},
        {fault, "network",
         "mount it without these options, or give each host login states of its own, with state in "
         "pam_totp.conf",
         [](auto& facts) { facts.state.file.mount = {.type = "nfs4", .locks_alone = true}; }},
        {warning, "network", "keep the login states on a disk of this host, with state in pam_totp.conf",
         [](auto& facts) { facts.state.file.mount = {.type = "nfs4"}; }},
        {warning, "copies_on_write",
         "keep the login states on another file system, with state in pam_totp.conf",
         [](auto& facts) {
             facts.state.file.mount.type = "zfs";
             facts.state.copies_on_write = true;
         }},
        {warning, "in_memory", "keep the store on a disk, with store in pam_totp.conf",
         [](auto& facts) { facts.enrolled.file.mount.type = facts.state.file.mount.type = "tmpfs"; }},
        {warning, "in_memory", "keep the login states on a disk, or see missing_state in pam_totp.conf(5)",
         [](auto& facts) { facts.state.file.mount.type = "tmpfs"; }},
        {warning, "selinux", "semanage fcontext -a -t var_auth_t '/s(/.*)?' && restorecon -R /s",
         [](auto& facts) {
             facts.selinux_enforces = true;
             facts.state.security_label = "system_u:object_r:var_lib_t:s0";
         }},
        {Severity::remark, "apparmor", "", [](auto& facts) { facts.confined_programs = {"/usr/sbin/sshd"}; }},
    };
    for (const auto& [severity, kind, change, damage] : cases) {
        auto facts = sound_store();
        damage(facts);
        assert_finding(judge_store(facts), severity, kind, change);
    }
}

void what_works_as_well_is_no_matter(void**) {
    const std::function<void(StoreFacts&)> changes[] = {
        [](auto& facts) {
            facts.enrolled.room = {100 * 8'192, 200};
        },
        [](auto& facts) {
            facts.state.file.mount.type = "tmpfs";
            facts.missing_state = MissingState::start_anew;
        },
        [](auto& facts) {
            facts.state.file.mount.type = "btrfs";
            facts.state.copies_on_write = true;  // but its files aren't
        },
        [](auto& facts) {
            facts.enrolled.file.mount.type = "btrfs";
            facts.enrolled.copies_on_write = true;  // nothing is written in place there
            facts.enrolled.makes_files_in_place = false;
        },
        [](auto& facts) { facts.state.security_label = "system_u:object_r:var_lib_t:s0"; },
        [](auto& facts) {
            facts.selinux_enforces = true;
            facts.state.security_label = "system_u:object_r:var_auth_t:s0";
        },
    };
    for (const auto& change : changes) {
        auto facts = sound_store();
        change(facts);
        assert_int_equal(judge_store(facts).size(), 0);
    }
}

// ---- mounts

void a_mount_is_read_as_the_kernel_tells_it(void**) {
    const std::string mountinfo =
        "29 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro\n"
        "30 29 0:5 / /with\\040blank ro,nosuid,nodev - tmpfs tmpfs rw,size=1k\n"
        "31 29 0:6 / /nfs rw master:1 shared:2 - nfs4 host:/x rw,local_lock=all\n"
        "32 29 8:2 / /ro rw - ext4 /dev/sda2 ro\n";
    const auto root = mount_with_id(29, mountinfo);
    assert_text(root.point + " " + root.type, "/ ext4");
    assert_false(root.is_read_only || root.is_nosuid || root.locks_alone);
    const auto blank = mount_with_id(30, mountinfo);
    assert_text(blank.point, "/with blank");
    assert_true(blank.is_read_only && blank.is_nosuid);
    assert_true(mount_with_id(31, mountinfo).locks_alone);
    assert_true(mount_with_id(32, mountinfo).is_read_only);
    assert_text(mount_with_id(3, mountinfo).type, "");
}

// ---- clock

void a_clock_that_nothing_keeps_is_a_warning(void**) {
    assert_int_equal(judge_clock(true).size(), 0);
    assert_finding(judge_clock(false), Severity::warning, "clock", "timedatectl set-ntp true");
}

// ---- accounts

std::string moment(UnixTime time) { return "@" + std::to_string(time); }

AccountFacts enrolled(const std::string& name) {
    return {
        .name = name, .can_log_in = true, .has_record = true, .is_enrolled = true, .recovery_codes_left = 10};
}

Settings settings_of(const std::string& store, const std::string& state = "",
                     const std::string& key = "/key") {
    Settings settings;
    settings.store = store;
    settings.state = state;
    settings.key = key;
    return settings;
}

Settings of_database() {
    auto settings = settings_of("/s", "/t");
    settings.engine = Engine::postgresql;
    return settings;
}

std::vector<CheckFinding> judge(std::vector<AccountFacts> accounts, std::vector<Door> doors = {},
                                const ExaminedAccounts& examined = {settings_of("/s", "/t")}) {
    return judge_accounts(std::move(accounts), doors, now, moment, examined);
}

void sound_accounts_are_no_matter(void**) {
    auto alice = enrolled("alice");
    alice.last_use = now + 60;
    assert_int_equal(judge({alice}, {{"sshd", Unenrolled::refuse}}).size(), 0);
    assert_int_equal(judge({{.name = "daemon"}}, {{"sshd", Unenrolled::refuse}}).size(), 0);
    assert_int_equal(judge({}).size(), 0);
}

void each_trouble_of_an_account_is_told(void**) {
    using Change = std::function<void(AccountFacts&)>;
    constexpr auto fault = Severity::fault;
    constexpr auto warning = Severity::warning;
    const std::tuple<Severity, std::string, std::string, Change> cases[] = {
        {fault, "locked", "totp-enroll unlock --user alice",
         [](auto& alice) { alice.locked_known = no_end; }},
        {fault, "locked", "totp-enroll unlock --user alice",
         [](auto& alice) { alice.locked_elsewhere = no_end; }},
        {warning, "waits", "totp-enroll unlock --user alice",
         [](auto& alice) { alice.locked_elsewhere = now + 30; }},
        {warning, "no_recovery_codes", "totp-enroll recovery --user alice",
         [](auto& alice) { alice.recovery_codes_left = 0; }},
        {warning, "stranger", "rm -f /s/enrolled/alice /t/alice", [](auto& alice) { alice.exists = false; }},
        {fault, "clock_set_back", "set it, and have it kept so: timedatectl set-ntp true",
         [](auto& alice) { alice.last_use = now + 61; }},
        {fault, "spent_ahead",
         "totp-enroll add --user alice && totp-enroll remove --yes --user alice --device phone",
         [](auto& alice) {
             alice.spent_ahead = {{"phone", now + 301}};
         }},
        {fault, "other_key", "",
         [](auto& alice) {
             alice.failure = Failure{Trouble::key, "x"};
         }},
        {fault, "unusable", "",
         [](auto& alice) {
             alice.failure = Failure{Trouble::store, "x"};
         }},
    };
    for (const auto& [severity, kind, change, trouble] : cases) {
        auto alice = enrolled("alice");
        trouble(alice);
        const auto findings = judge({enrolled("bob"), alice});
        assert_finding(findings, severity, kind, change);
        if (kind != "clock_set_back") assert_text(findings[0].accounts.at(0), "alice");
    }
}

void who_is_not_enrolled_is_told_by_what_the_doors_do(void**) {
    const std::vector<AccountFacts> accounts = {{.name = "alice", .can_log_in = true}, {.name = "daemon"}};
    const std::tuple<Unenrolled, Severity, std::string, std::string> cases[] = {
        {Unenrolled::refuse, Severity::fault, "must_enrol", "totp-enroll add --user alice"},
        {Unenrolled::enrol, Severity::remark, "will_enrol", ""},
        {Unenrolled::ignore, Severity::remark, "not_enrolled", "totp-enroll add --user alice"},
    };
    for (const auto& [unenrolled, severity, kind, change] : cases) {
        const auto findings = judge(accounts, {{"sshd", unenrolled}, {"login", unenrolled}});
        assert_finding(findings, severity, kind, change);
        const auto sentence = findings[0].sentence.english();
        claim(sentence.find("(sshd and login)") != std::string::npos, sentence);
    }
    assert_int_equal(judge(accounts).size(), 0);
}

void who_is_not_enrolled_is_judged_by_doors_that_ask_about_these_accounts_alone(void**) {
    const std::vector<AccountFacts> accounts = {{.name = "alice", .can_log_in = true}};
    const auto refuse = Unenrolled::refuse;
    for (const auto& line :
         {of_database(), settings_of("/other", "/t"), settings_of("/s"), settings_of("/s", "/t", "/other")}) {
        assert_int_equal(judge(accounts, {{"sshd", refuse, {line}}}).size(), 0);
        assert_int_equal(judge(accounts, {{"sshd", refuse, {settings_of("/s", "/t"), line}}}).size(), 0);
        const auto findings =
            judge(accounts, {{"login", refuse, {line}}, {"sshd", refuse, {settings_of("/s/", "/s/../t")}}});
        assert_finding(findings, Severity::fault, "must_enrol", "totp-enroll add --user alice");
        assert_text(findings[0].sentence.english(), "alice isn't enrolled and doesn't get in (sshd)");
    }
}

void where_a_database_has_the_accounts_those_of_break_glass_alone_are_judged(void**) {
    ExaminedAccounts examined{of_database(), {"--local"}};
    examined.settings.break_glass = {"alice"};
    auto alice = enrolled("alice");
    auto bob = enrolled("bob");
    alice.recovery_codes_left = bob.recovery_codes_left = 0;
    bob.exists = false;
    alice.spent_ahead = bob.spent_ahead = {{"phone", now + 301}};
    const AccountFacts carol{.name = "carol", .can_log_in = true};
    const std::vector<Door> doors = {{"sshd", Unenrolled::refuse, {of_database()}}};
    const auto findings = judge({alice, bob, carol}, doors, examined);
    assert_finding(findings, Severity::warning, "no_recovery_codes",
                   "totp-enroll recovery --local --user alice");
    assert_text(findings[0].sentence.english(),
                "alice has no recovery codes of this machine left for while the database can't be used");
    const std::vector<Door> by_files = {{"sshd", Unenrolled::refuse, {settings_of("/s", "/t")}}};
    assert_finding(judge({carol}, by_files, examined), Severity::fault, "must_enrol",
                   "totp-enroll add --local --user carol");
}

void commands_act_on_the_accounts_that_were_looked_at(void**) {
    const ExaminedAccounts examined{settings_of("/s", "/t"), {"--store", "/s", "--key", "/a key"}};
    auto alice = enrolled("alice");
    alice.locked_known = no_end;
    assert_finding(judge({alice}, {}, examined), Severity::fault, "locked",
                   "totp-enroll unlock --store /s --key '/a key' --user alice");
    alice = enrolled("alice");
    alice.spent_ahead = {{"phone", now + 301}};
    assert_finding(judge({alice}, {}, examined), Severity::fault, "spent_ahead",
                   "totp-enroll add --store /s --key '/a key' --user alice && "
                   "totp-enroll remove --yes --store /s --key '/a key' --user alice --device phone");
}

void commands_act_on_the_store_that_was_looked_at(void**) {
    auto facts = sound_store();
    facts.next_key.is_there = true;
    assert_finding(judge_store(facts, {"--local"}), Severity::warning, "rekey_unfinished",
                   "totp-enroll rekey --local");
    facts = sound_store();
    facts.has_nobody = false;
    assert_finding(judge_store(facts, {"--store", "/s"}), Severity::warning, "nobody",
                   "totp-enroll prepare --store /s");
}

void accounts_elsewhere_are_told_with_the_command_that_looks_at_them(void**) {
    const ExaminedAccounts here{settings_of("/s", "/t")};
    assert_int_equal(judge_doors({{"sshd", {}, {settings_of("/s", "/t")}}, {"login"}}, here).size(), 0);

    const auto other = settings_of("/o", "/t", "/k");
    const auto findings =
        judge_doors({{"login", {}, {other}}, {"sshd", {}, {settings_of("/s", "/t"), other}}}, here);
    assert_finding(findings, Severity::remark, "other_store", "totp-enroll check --store /o --key /k");
    assert_text(findings[0].sentence.english(),
                "those that get in by login and sshd are in the store /o (login states in /t, under the key "
                "/k), which isn't looked at here");

    auto of_file = settings_of("/o");
    of_file.file = "/a file";
    assert_finding(judge_doors({{"login", {}, {of_file}}}, here), Severity::remark, "other_store",
                   "totp-enroll check --config '/a file' --store /o --key /key");
    assert_finding(
        judge_doors({{"login", {}, {settings_of("/s", "/u")}}}, here), Severity::remark, "other_store",
        "totp-enroll check --config FILE, where FILE, which is root's, says store = /s, key = /key "
        "and state = /u");

    const std::vector<Door> fleet = {{"login", {}, {of_database()}}, {"sshd", {}, {of_database()}}};
    assert_finding(judge_doors(fleet, here), Severity::remark, "in_database", "");
    assert_finding(judge_doors(fleet, {of_database()}), Severity::remark, "in_database",
                   "totp-enroll status --all, on an administrator's host");
}

void many_accounts_are_one_finding(void**) {
    std::vector<AccountFacts> accounts;
    for (int i = 100; i < 200; ++i) {
        accounts.push_back(enrolled("u" + std::to_string(i)));
        accounts.back().locked_known = no_end;
    }
    const auto findings = judge(accounts);
    assert_finding(findings, Severity::fault, "locked",
                   "totp-enroll unlock --user NAME, for each: --json has all names");
    assert_text(findings[0].sentence.english(),
                "u100, u101, u102, u103 and 96 others are locked, after too many wrong codes, until somebody "
                "unlocks them");
    assert_int_equal(findings[0].accounts.size(), 100);
}

void a_device_is_spent_ahead_where_none_of_its_codes_to_come_counts(void**) {
    const Enrolment enrolment{.devices = {totp_device("phone"), hotp_device("token")}, .recovery = {}};
    const auto step = time_step(now, 30);
    for (const auto& [ahead, drift, is_told] : {std::tuple(1, 0, false),
                                                {11, 0, false},
                                                {12, 0, true},
                                                {12, 5, false},
                                                {17, 5, true},
                                                {40, 0, true}}) {
        auto state = new_login_state(enrolment);
        state.devices[0].next = step + static_cast<Counter>(ahead);
        state.devices[0].drift = drift;
        state.devices[1].next = 1'000'000'000'000;
        AccountFacts account{.name = "alice"};
        note_records(account, enrolment, state, Policy{}, now);
        claim(account.spent_ahead.size() == (is_told ? 1U : 0U), std::to_string(ahead) + " steps ahead");
        if (is_told)
            assert_int_equal(account.spent_ahead[0].until, (static_cast<int>(step) + ahead - 1 - drift) * 30);
    }
}

// ---- words

void names_are_folded_from_six_on(void**) {
    assert_text(names_in_words({"a"}).english(), "a");
    assert_text(names_in_words({"a", "b"}).english(), "a and b");
    assert_text(names_in_words({"a", "b", "c", "d", "e"}).english(), "a, b, c, d and e");
    assert_text(names_in_words({"a", "b", "c", "d", "e", "f"}).english(), "a, b, c, d and 2 others");
}

}  // namespace
}  // namespace totp

int main() {
    using namespace totp;
    const CMUnitTest tests[] = {
        cmocka_unit_test(sound_programs_are_no_matter),
        cmocka_unit_test(each_flaw_of_a_program_is_told),
        cmocka_unit_test(a_sound_store_is_no_matter),
        cmocka_unit_test(each_flaw_of_a_store_is_told),
        cmocka_unit_test(what_works_as_well_is_no_matter),
        cmocka_unit_test(a_mount_is_read_as_the_kernel_tells_it),
        cmocka_unit_test(a_clock_that_nothing_keeps_is_a_warning),
        cmocka_unit_test(sound_accounts_are_no_matter),
        cmocka_unit_test(each_trouble_of_an_account_is_told),
        cmocka_unit_test(who_is_not_enrolled_is_told_by_what_the_doors_do),
        cmocka_unit_test(who_is_not_enrolled_is_judged_by_doors_that_ask_about_these_accounts_alone),
        cmocka_unit_test(where_a_database_has_the_accounts_those_of_break_glass_alone_are_judged),
        cmocka_unit_test(commands_act_on_the_accounts_that_were_looked_at),
        cmocka_unit_test(commands_act_on_the_store_that_was_looked_at),
        cmocka_unit_test(accounts_elsewhere_are_told_with_the_command_that_looks_at_them),
        cmocka_unit_test(many_accounts_are_one_finding),
        cmocka_unit_test(a_device_is_spent_ahead_where_none_of_its_codes_to_come_counts),
        cmocka_unit_test(names_are_folded_from_six_on),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
