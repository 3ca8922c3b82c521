#include "core/seal.h"

#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/testing.h"

namespace totp::testing {
namespace {

const std::string key_bytes = "0123456789abcdef0123456789ABCDEF";

/// A directory with a host key in it.
class KeyFile {
  public:
    explicit KeyFile(std::string_view content = key_bytes, unsigned mode = 0600) {
        write_file(path(), content, mode);
    }

    fs::path path() const { return directory_.path() / "key"; }
    Result<HostKey> read() const { return HostKey::read(path(), geteuid()); }

  private:
    TemporaryDirectory directory_;
};

unsigned mode_of(const fs::path& path) { return static_cast<unsigned>(fs::status(path).permissions()); }

/// A group that a key can be given to: root has them all, everybody their own.
gid_t group_to_give_to() { return geteuid() == 0 ? 1'234 : getegid(); }

HostKey host_key(std::string_view content = key_bytes) { return value_of(KeyFile(content).read()); }

HostKey other_host_key() { return host_key("another key of another machine.."); }

const SecretBytes plaintext("otpauth://totp/phone?secret=GEZDGNBVGY3TQOJQ\n");

std::string sealed_for(std::string_view user) { return value_of(host_key().seal(user, plaintext)); }

void gives_back_what_it_sealed(void**) {
    const auto key = host_key();
    for (std::size_t size : {0, 1, 2, 3, 16, 1'000, 8'000}) {
        const SecretBytes text{std::string_view(std::string(size, 'x'))};
        claim(value_of(key.unseal("alice", value_of(key.seal("alice", text)))) == text, std::to_string(size));
    }
}

void has_the_form_the_design_gives(void**) {
    const auto sealed = sealed_for("alice");
    const auto end = sealed.find('\n');
    assert_text(sealed.substr(0, end), "pam-totp-enrolment 1 " + host_key().id());
    assert_int_equal(sealed.find_first_not_of(
                         "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=", end + 1),
                     sealed.size() - 1);
    assert_int_equal(sealed.back(), '\n');
}

void tells_nothing_of_the_plaintext(void**) {
    assert_true(sealed_for("alice").find("otpauth") == std::string::npos);
    assert_true(sealed_for("alice") != sealed_for("alice"));  // a nonce of its own each time
}

void opens_for_nobody_else(void**) {
    for (const auto* user : {"bob", "", "alic", "alice ", "Alice"}) {
        assert_failure(host_key().unseal(user, sealed_for("alice")), Trouble::store,
                       "is damaged, or was made for another user");
    }
}

void opens_under_no_other_key_and_says_so(void**) {
    assert_failure(other_host_key().unseal("alice", sealed_for("alice")), Trouble::key,
                   "is sealed under a key that isn't this host's");
}

void opens_for_no_line_with_part_of_the_user_in_it(void**) {
    const auto key = host_key();
    const auto sealed = value_of(key.seal("b", plaintext));
    const auto end = sealed.find('\n');
    assert_false(static_cast<bool>(key.unseal("a\nb", sealed)));
    assert_false(static_cast<bool>(key.unseal("", sealed.substr(0, end) + "\nb" + sealed.substr(end))));
}

void notices_every_changed_byte(void**) {
    const auto key = host_key();
    const auto sealed = sealed_for("alice");
    for (std::size_t i = 0; i < sealed.size(); ++i) {
        auto changed = sealed;
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        claim(!key.unseal("alice", changed), "byte " + std::to_string(i));
    }
}

void notices_every_cut(void**) {
    const auto key = host_key();
    const auto sealed = sealed_for("alice");
    for (std::size_t size = 0; size < sealed.size(); ++size) {
        claim(!key.unseal("alice", sealed.substr(0, size)), std::to_string(size) + " bytes");
    }
}

void says_what_is_wrong_with_a_sealed_text(void**) {
    const auto sealed = sealed_for("alice");
    const auto heading = sealed.substr(0, sealed.find('\n') + 1);
    const std::pair<std::string, std::string> table[] = {
        {"", "is empty"},
        {"garbage", "isn't an enrolment of a version this program knows"},
        {"pam-totp-enrolment 2 " + sealed.substr(21), "isn't an enrolment of a version this program knows"},
        {heading, "is cut short"},
        {heading + "\n", "is cut short or damaged"},
        {heading + "AAAA\n", "is damaged"},
        {heading + "====\n", "is "},
        {heading + "!!!!\n", "is cut short or damaged"},
        {sealed.substr(0, sealed.size() - 1), "is cut short"},
        {sealed + "AAAA\n", "is "},
    };
    for (const auto& [text, error] : table) {
        assert_failure(host_key().unseal("alice", text), Trouble::store, error);
    }
}

void names_keys_by_an_id_that_gives_nothing_away(void**) {
    assert_text(host_key().id(), host_key().id());
    assert_true(host_key().id() != other_host_key().id());
    assert_int_equal(host_key().id().size(), 16);
    assert_true(host_key().id().find_first_not_of("0123456789abcdef") == std::string::npos);
}

void refuses_a_key_of_any_other_length(void**) {
    for (const std::size_t size : {0, 1, 31, 33, 64}) {
        assert_failure(KeyFile(std::string(size, 'k')).read(), Trouble::key, "isn't 32 bytes long");
    }
}

void refuses_a_key_open_to_others(void**) {
    for (const unsigned mode : {0604U, 0602U, 0601U, 0620U, 0644U, 0660U, 0777U}) {
        assert_failure(KeyFile(key_bytes, mode).read(), Trouble::key, "is open to others");
    }
    assert_true(static_cast<bool>(KeyFile(key_bytes, 0640).read()));
}

void refuses_a_key_that_is_missing_or_no_file(void**) {
    const TemporaryDirectory directory;
    const auto pipe = directory.path() / "pipe";
    claim(mkfifo(pipe.c_str(), 0600) == 0, "a pipe can be made");
    assert_failure(HostKey::read(directory.path() / "none", geteuid()), Trouble::key,
                   "none is missing: bring it back from a backup; without one see pam-totp-emergency(7)");
    assert_failure(HostKey::read(directory.path(), geteuid()), Trouble::key, "isn't a regular file");
    assert_failure(HostKey::read(pipe, geteuid()), Trouble::key, "isn't a regular file");
}

void refuses_a_key_of_another_user(void**) {
    const KeyFile file;
    const uid_t stranger = geteuid() + 1;
    if (geteuid() == 0) claim(chown(file.path().c_str(), stranger, 0) == 0, "a file can be given away");
    const uid_t owner = geteuid() == 0 ? 0 : stranger;
    assert_failure(HostKey::read(file.path(), owner), Trouble::key, "doesn't belong to root");
}

void names_the_file_of_the_key_it_refuses(void**) {
    const KeyFile file("short");
    assert_failure(file.read(), Trouble::key, file.path().string());
}

void makes_a_key_that_it_reads_and_nobody_else_can(void**) {
    const TemporaryDirectory directory;
    const auto path = directory.path() / "pam-totp" / "key";
    value_of(HostKey::create(path, std::nullopt));
    value_of(HostKey::read(path, geteuid()));
    assert_int_equal(fs::file_size(path), 32);
    assert_int_equal(mode_of(path), 0600);
}

void makes_a_key_its_group_can_read(void**) {
    const TemporaryDirectory directory;
    value_of(HostKey::create(directory.path() / "key", getegid()));
    assert_int_equal(mode_of(directory.path() / "key"), 0640);
}

/// The group must get at it, and whoever wants to know that it is there.
void makes_the_directory_of_a_key_searchable_whatever_the_umask(void**) {
    const TemporaryDirectory directory;
    const auto path = directory.path() / "pam-totp" / "key";
    const auto before = umask(077);
    const auto made = HostKey::create(path, std::nullopt);
    umask(before);
    value_of(made);
    assert_int_equal(mode_of(path.parent_path()), 0755);
}

void leaves_a_directory_that_is_there_as_it_is(void**) {
    const TemporaryDirectory directory;
    fs::permissions(directory.path(), fs::perms::owner_all);
    value_of(HostKey::create(directory.path() / "key", getegid()));
    assert_int_equal(mode_of(directory.path()), 0700);
}

void gives_a_key_made_for_its_owner_alone_to_a_group(void**) {
    const KeyFile file;
    value_of(HostKey::give_to(file.path(), group_to_give_to()));
    assert_int_equal(mode_of(file.path()), 0640);
    struct stat status {};
    claim(stat(file.path().c_str(), &status) == 0, "the key is there");
    assert_int_equal(status.st_gid, group_to_give_to());
    assert_text(content_of(file.path()), key_bytes);
    value_of(file.read());
}

void gives_a_key_to_no_group_where_there_is_none(void**) {
    const KeyFile file;
    value_of(HostKey::give_to(file.path(), std::nullopt));
    assert_int_equal(mode_of(file.path()), 0600);
}

void leaves_a_key_of_any_other_mode_alone(void**) {
    for (const unsigned mode : {0400U, 0440U, 0620U, 0644U, 0700U, 04600U}) {
        const KeyFile file(key_bytes, mode);
        value_of(HostKey::give_to(file.path(), group_to_give_to()));
        assert_int_equal(mode_of(file.path()), mode);
    }
}

void gives_nothing_but_a_key_to_a_group(void**) {
    const KeyFile file;
    const auto link = file.path().parent_path() / "link";
    const auto directory = file.path().parent_path() / "directory";
    fs::create_symlink(file.path(), link);
    fs::create_directory(directory);
    claim(chmod(directory.c_str(), 0600) == 0, "it can be changed");
    for (const auto& path : {link, directory, fs::path("/nonexistent/key")}) {
        value_of(HostKey::give_to(path, group_to_give_to()));
    }
    assert_int_equal(mode_of(file.path()), 0600);
    assert_int_equal(mode_of(directory), 0600);
}

void makes_a_different_key_each_time(void**) {
    const TemporaryDirectory directory;
    for (const auto* name : {"one", "two"}) value_of(HostKey::create(directory.path() / name, std::nullopt));
    assert_true(content_of(directory.path() / "one") != content_of(directory.path() / "two"));
}

void never_replaces_a_key(void**) {
    const KeyFile file;
    assert_failure(HostKey::create(file.path(), std::nullopt), Trouble::key, "File exists");
    assert_text(content_of(file.path()), key_bytes);
}

}  // namespace
}  // namespace totp::testing

int main() {
    using namespace totp::testing;
    const CMUnitTest tests[] = {
        cmocka_unit_test(gives_back_what_it_sealed),
        cmocka_unit_test(has_the_form_the_design_gives),
        cmocka_unit_test(tells_nothing_of_the_plaintext),
        cmocka_unit_test(opens_for_nobody_else),
        cmocka_unit_test(opens_under_no_other_key_and_says_so),
        cmocka_unit_test(opens_for_no_line_with_part_of_the_user_in_it),
        cmocka_unit_test(notices_every_changed_byte),
        cmocka_unit_test(notices_every_cut),
        cmocka_unit_test(says_what_is_wrong_with_a_sealed_text),
        cmocka_unit_test(names_keys_by_an_id_that_gives_nothing_away),
        cmocka_unit_test(refuses_a_key_of_any_other_length),
        cmocka_unit_test(refuses_a_key_open_to_others),
        cmocka_unit_test(refuses_a_key_that_is_missing_or_no_file),
        cmocka_unit_test(refuses_a_key_of_another_user),
        cmocka_unit_test(names_the_file_of_the_key_it_refuses),
        cmocka_unit_test(makes_a_key_that_it_reads_and_nobody_else_can),
        cmocka_unit_test(makes_a_key_its_group_can_read),
        cmocka_unit_test(makes_the_directory_of_a_key_searchable_whatever_the_umask),
        cmocka_unit_test(leaves_a_directory_that_is_there_as_it_is),
        cmocka_unit_test(gives_a_key_made_for_its_owner_alone_to_a_group),
        cmocka_unit_test(gives_a_key_to_no_group_where_there_is_none),
        cmocka_unit_test(leaves_a_key_of_any_other_mode_alone),
        cmocka_unit_test(gives_nothing_but_a_key_to_a_group),
        cmocka_unit_test(makes_a_different_key_each_time),
        cmocka_unit_test(never_replaces_a_key),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
