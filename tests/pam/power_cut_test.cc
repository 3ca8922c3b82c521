// The power goes at any moment of a login, an enrolment, a removal or a rekey. What reached the disk by then
// is recorded, and every state that the disk may be left in is looked at: what was before is there or what
// was to be, whole; and what was said to be done is done.
//
// The disk is a bad one: of what isn't made durable yet any sectors may be there, in any order, and any of
// the changes of names in a directory.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>

#include <fcntl.h>
#include <sys/stat.h>

#include "core/rekey.h"
#include "tests/pam/faulty_login.h"

namespace {

namespace fs = std::filesystem;
using namespace faulty;
using faults::Change;

constexpr std::size_t sector_size = 512;

std::string content_of(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

ino_t inode_of(const fs::path& path) {
    struct stat status {};
    claim(stat(path.c_str(), &status) == 0, path.string() + " is there");
    return status.st_ino;
}

/// Names and contents; of a directory the names, of a file the content.
struct Image {
    std::map<ino_t, fs::path> directories;
    std::map<ino_t, std::map<std::string, ino_t>> names;
    std::map<ino_t, std::string> contents;
};

/// Where a key lies that isn't beside the store but in it.
constexpr const char* keys = "keys";

/// The store as it is now, all of it being durable.
Image image_of(const fs::path& store) {
    Image image;
    for (const auto* name : {"enrolled", "state", "pending", keys}) {
        if (!fs::exists(store / name)) continue;
        const auto directory = inode_of(store / name);
        image.directories[directory] = name;
        image.names[directory];
        for (const auto& entry : fs::directory_iterator(store / name)) {
            const auto file = inode_of(entry.path());
            image.names[directory][entry.path().filename()] = file;
            image.contents[file] = content_of(entry.path());
        }
    }
    return image;
}

/// Its files, open: so that none that is made gets the inode of one that is gone.
std::vector<totp::Descriptor> all_opened(const fs::path& store) {
    std::vector<totp::Descriptor> files;
    for (const auto& entry : fs::recursive_directory_iterator(store)) {
        files.emplace_back(open(entry.path().c_str(), O_RDONLY | O_CLOEXEC));
    }
    return files;
}

/// The same with the directory of a file that was named by its whole path.
Change with_directory(Change change) {
    const fs::path path(change.name);
    if (!path.is_absolute()) return change;
    change.directory = inode_of(path.parent_path());
    change.name = path.filename();
    change.new_name = fs::path(change.new_name).filename();
    return change;
}

void apply(const Change& change, Image& image) {
    auto& names = image.names[change.directory];
    switch (change.kind) {
        case Change::Kind::created:
            names[change.name] = change.file;
            image.contents.try_emplace(change.file);
            break;
        case Change::Kind::renamed:
            if (names.contains(change.name)) {
                names[change.new_name] = names[change.name];
                names.erase(change.name);
            }
            break;
        case Change::Kind::removed: names.erase(change.name); break;
        case Change::Kind::written: {
            auto& content = image.contents[change.file];
            const auto offset = static_cast<std::size_t>(change.offset);
            content.resize(std::max(content.size(), offset + change.content.size()));
            content.replace(offset, change.content.size(), change.content);
            break;
        }
        case Change::Kind::made_durable: break;
    }
}

/// What isn't durable when the power goes after `count` of the changes, a write for each sector; the rest is
/// in `image`.
std::vector<Change> split_pending(const std::vector<Change>& changes, std::size_t count, Image& image) {
    std::vector<Change> pending;
    const auto is_of = [](const Change& change, ino_t file) {
        return change.kind == Change::Kind::written ? change.file == file : change.directory == file;
    };
    for (std::size_t i = 0; i < count; ++i) {
        const auto& change = changes[i];
        if (change.kind == Change::Kind::made_durable) {
            for (const auto& earlier : pending) {
                if (is_of(earlier, change.file)) apply(earlier, image);
            }
            std::erase_if(pending, [&](const Change& earlier) { return is_of(earlier, change.file); });
        } else if (change.kind == Change::Kind::written) {
            for (std::size_t start = 0; start < change.content.size(); start += sector_size) {
                auto sector = change;
                sector.content = change.content.substr(start, sector_size);
                sector.offset += static_cast<off_t>(start);
                pending.push_back(std::move(sector));
            }
        } else {
            pending.push_back(change);
        }
    }
    return pending;
}

/// Makes the image a store on the stage, beside the key it was sealed under.
void materialize(const Image& image, const fs::path& store) {
    for (const auto& [inode, name] : image.directories) {
        fs::remove_all(store / name);
        fs::create_directory(store / name);
        fs::permissions(store / name, fs::perms::owner_all);
        for (const auto& [file, of] : image.names.at(inode)) {
            const auto path = store / name / file;
            const auto content = image.contents.find(of);
            std::ofstream(path, std::ios::binary) << (content == image.contents.end() ? "" : content->second);
            fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
        }
    }
}

/// Does `act` and calls `look` at every state in which the power may leave the store, with whether it goes
/// after `act` has returned. How many states there are.
int cut_power_at_each_moment(const stage::Stage& stage, const std::function<void()>& act,
                             const std::function<void(bool is_done, const std::string& what)>& look) {
    const auto store = stage.directory() / "store";
    const auto before = image_of(store);
    std::vector<Change> changes;
    {
        const auto open_files = all_opened(store);
        faults::watch(&changes);
        act();
        faults::watch(nullptr);
    }
    claim(!changes.empty(), "something is written");
    std::ranges::transform(changes, changes.begin(), with_directory);
    int states = 0;
    for (std::size_t count = 0; count <= changes.size(); ++count) {
        auto image = before;
        const auto pending = split_pending(changes, count, image);
        claim(pending.size() <= 12, "not too much is pending");
        for (std::size_t chosen = 0; chosen < std::size_t{1} << pending.size(); ++chosen, ++states) {
            auto left = image;
            for (std::size_t i = 0; i < pending.size(); ++i) {
                if ((chosen >> i & 1) != 0) apply(pending[i], left);
            }
            materialize(left, store);
            look(count == changes.size(), "after change " + std::to_string(count) + " of " +
                                              std::to_string(changes.size()) + ", subset " +
                                              std::to_string(chosen));
        }
    }
    count_cases(static_cast<std::size_t>(states));
    return states;
}

void login_is_forgotten_or_spent_and_spent_if_anybody_was_told(void**) {
    Door door;
    const auto next_before = door.state().devices.front().next;
    const int states = cut_power_at_each_moment(
        door.stage(),
        [&] { claim(door.authenticate(stage::right_code(door.now())) == PAM_SUCCESS, "they are in"); },
        [&](bool is_done, const std::string& what) {
            const auto next = door.state().devices.front().next;
            claim(next == next_before || door.is_spent(), what + ": old or new");
            claim(!is_done || door.is_spent(), what + ": in, and the code isn't spent");
        });
    claim(states >= 16, "any sectors of the slot may be there");
}

void wrong_code_is_counted_if_anybody_was_told(void**) {
    Door door;
    const auto failures = [&] { return door.state().known.failures + door.state().elsewhere.failures; };
    cut_power_at_each_moment(
        door.stage(),
        [&] { claim(door.authenticate(stage::wrong_code(door.now())) == PAM_AUTH_ERR, "refused"); },
        [&](bool is_done, const std::string& what) {
            claim(failures() <= 1, what + ": old or new");
            claim(!is_done || failures() == 1, what + ": refused and not counted");
        });
}

constexpr const char* two_devices =
    "otpauth://totp/phone?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\n"
    "otpauth://totp/tablet?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJA\n";

/// What alice has enrolled: as many devices; none if nothing.
std::size_t devices_of(const stage::Stage& stage, const std::string& what) {
    auto store = stage.store();
    const auto held = store.hold(stage::alice(), totp::HoldFor::login);
    claim(static_cast<bool>(held), what + ": " + (held ? "" : held.failure().message.english()));
    return (*held)->enrolment() ? (*held)->enrolment()->devices.size() : 0;
}

void enrolment_is_the_old_or_the_new_one(void**) {
    for (const std::size_t before : {0U, 1U}) {
        const stage::Stage stage("");
        if (before == 1) stage.enrol(stage::device_line);
        const auto act = [&] {
            auto store = stage.store();
            const auto enrolment = *totp::parse_enrolment(two_devices);
            const auto held = *store.hold(stage::alice(), totp::HoldFor::change);
            auto state = totp::new_login_state(enrolment);
            claim(static_cast<bool>(held->enrol(enrolment, std::move(state))), "enrolled");
        };
        cut_power_at_each_moment(stage, act, [&](bool is_done, const std::string& what) {
            const auto devices = devices_of(stage, what);
            claim(devices == before || devices == 2, what + ": old or new");
            claim(!is_done || devices == 2, what + ": done and not there");
        });
    }
}

void removal_leaves_all_or_nothing(void**) {
    const stage::Stage stage("");
    stage.enrol(stage::device_line);
    const auto act = [&] {
        auto store = stage.store();
        claim(static_cast<bool>((*store.hold(stage::alice(), totp::HoldFor::removal))->remove()), "removed");
    };
    cut_power_at_each_moment(stage, act, [&](bool is_done, const std::string& what) {
        const auto devices = devices_of(stage, what);
        claim(devices <= 1 && (!is_done || devices == 0), what);
    });
}

/// The key is switched when all that is under the new one is on the disk, and that is there before anything
/// is under it.
void rekey_leaves_everybody_enrolled_and_goes_on(void**) {
    const stage::Stage stage("");
    auto places = totp::FileStorePlaces{stage.directory() / "store", stage.directory() / "store/state",
                                        stage.directory() / "store" / keys / "key", geteuid()};
    totp::FileStore store(places);
    claim(static_cast<bool>(store.prepare(std::nullopt)), "a key of its own");
    const totp::Account accounts[] = {stage::alice(), {"bob", geteuid()}};
    const auto enrolment = *totp::parse_enrolment(two_devices);
    for (const auto& account : accounts) {
        const auto held = *store.hold(account, totp::HoldFor::change);
        claim(static_cast<bool>(held->enrol(enrolment, totp::new_login_state(enrolment))), account.name);
    }
    const auto rekey = [&] {
        const auto rekeyed = totp::rekey(places, std::nullopt);
        claim(rekeyed && rekeyed->is_done(), rekeyed ? "done" : rekeyed.failure().message.english());
    };
    const auto are_enrolled = [&](const std::string& what) {
        for (const auto& account : accounts) {
            const auto held = store.hold(account, totp::HoldFor::login);
            claim(static_cast<bool>(held), what + ": " + (held ? "" : held.failure().message.english()));
            claim((*held)->enrolment() == enrolment, what + ": " + account.name);
        }
    };
    const int states = cut_power_at_each_moment(stage, rekey, [&](bool, const std::string& what) {
        are_enrolled(what);
        rekey();
        are_enrolled(what + ", and again");
    });
    claim(states >= 50, "any names may be there");
}

}  // namespace

/// `power_cut_test PATTERN` runs the tests of that name alone.
int main(int count, char* arguments[]) {
    if (count > 1) cmocka_set_test_filter(arguments[1]);
    stage::begin_as_ordinary_user();
    const CMUnitTest tests[] = {
        cmocka_unit_test(login_is_forgotten_or_spent_and_spent_if_anybody_was_told),
        cmocka_unit_test(wrong_code_is_counted_if_anybody_was_told),
        cmocka_unit_test(enrolment_is_the_old_or_the_new_one),
        cmocka_unit_test(removal_leaves_all_or_nothing),
        cmocka_unit_test(rekey_leaves_everybody_enrolled_and_goes_on),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
