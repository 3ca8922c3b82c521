// totp-enroll rekey: seals everything under a new host key.
#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

#include "core/percent.h"
#include "core/rekey.h"
#include "enroll/change_log.h"
#include "enroll/command.h"
#include "enroll/exit_code.h"
#include "enroll/json.h"
#include "enroll/terminal.h"

namespace totp {
namespace {

constexpr std::size_t longest_key_file = 1024;

/// A key as it lies in a file, from there or ("-") from stdin.
Result<HostKey> key_from(const std::string& source) {
    if (source == "-" && can_ask())
        return input_failure(tr("--key-from -: a key is 32 bytes that nobody types"));
    const Descriptor file(source == "-" ? dup(STDIN_FILENO)
                                        : open(source.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    SecretBytes octets;
    if (!file || read_whole(file, longest_key_file, octets) != 0) {
        return input_failure(
            tr("--key-from %1 can't be read: %2", {printable_path(source), Sentence::of_error(errno)}));
    }
    auto key = HostKey::of(std::move(octets));
    if (key) return *std::move(key);
    return input_failure(tr("--key-from %1 isn't 32 bytes long: make one with head -c 32 /dev/urandom",
                            {printable_path(source)}));
}

/// Writes the host key to `file`, which may be there already with this very key: an earlier run was
/// interrupted.
Result<Done> keep(const HostKey& key, const std::string& file) {
    const auto kept = HostKey::find(file, getuid());
    if (!kept) return kept.failure();
    if (!*kept) return key.save(file);
    if ((*kept)->id() == key.id()) return Done{};
    return input_failure(
        tr("--keep-old %1 holds another key already: name another file", {printable_path(file)}));
}

class Rekey : public Command {
  public:
    void declare(Options& options) override {
        options.value("--key-from", key_from_, "FILE",
                      "Take the new key, 32 bytes, from a file or (-) stdin");
        options.value("--keep-old", keep_old_, "FILE", "Keep the old key in this new file");
        options.example("totp-enroll rekey --keep-old /root/key-of-old-backups");
    }

    int run(const SharedOptions& shared) override;

  private:
    Result<Rekeyed> rekey_all(const FileStorePlaces& places) const;
    static int report(const Rekeyed& rekeyed, const FileStorePlaces& places, bool json);

    std::string key_from_;
    std::string keep_old_;
};

Result<Rekeyed> Rekey::rekey_all(const FileStorePlaces& places) const {
    std::optional<HostKey> given;
    if (!key_from_.empty()) {
        auto key = key_from(key_from_);
        if (!key) return key.failure();
        given = *std::move(key);
    }
    if (!keep_old_.empty()) {
        const auto host = HostKey::read(places.key, places.owner);
        if (!host) return host.failure();
        const bool is_old = !given || given->id() != host->id();  // else an earlier run was finished with it
        if (auto kept = is_old ? keep(*host, keep_old_) : Done{}; !kept) return kept.failure();
    }
    return rekey(places, given);
}

int Rekey::report(const Rekeyed& rekeyed, const FileStorePlaces& places, bool json) {
    for (const auto& sentence : rekeyed.left) complain(sentence);
    if (json) {
        Json facts = {{"key", std::string_view(rekeyed.key_id)},
                      {"done", rekeyed.is_done()},
                      {"enrolments", rekeyed.enrolments},
                      {"sealed_anew", rekeyed.sealed_anew},
                      {"left", Json::array()}};
        for (const auto& sentence : rekeyed.left)
            facts["left"].push_back(std::string_view(sentence.english()));
        print_json(facts);
    }
    if (!rekeyed.is_done()) {
        complain(
            tr("the key was not switched, because %1 can't be opened: both %2 and %3 are needed until those "
               "are mended or removed and totp-enroll rekey has run again",
               {rekeyed.left.size(), places.key, next_key(places.key)}));
        return exit_refused;
    }
    if (!json) {
        print_line(
            tr("Enrolments under the new key: %1. Backups of the store that were made before need the old "
               "one.",
               {rekeyed.enrolments}));
    }
    return exit_done;
}

int Rekey::run(const SharedOptions& shared) {
    if (!is_root() && shared.store.empty()) {
        complain(tr("rekey is for root: run it with sudo"));
        return exit_not_permitted;
    }
    if (const auto refused = refuse_user(shared, "rekey")) return complain(*refused);
    const auto installation = find_installation(shared);
    if (!installation) return complain(installation.failure());
    if (const auto refused = refuse_needless_local(installation->settings, shared)) return complain(*refused);
    if (installation->settings.engine != Engine::files && !shared.is_local) {
        return refuse_elsewhere(tr(
            "a database is under no key of this machine (engine = postgresql): encrypt the disk it is on"));
    }
    const auto rekeyed = rekey_all(installation->places);
    if (!rekeyed) return complain(rekeyed.failure());
    if (rekeyed->is_done()) {
        log_rekeyed(rekeyed->key_id);
        // What stands for nobody may have been left under the old key.
        if (auto prepared = prepare_store(*installation); !prepared) return complain(prepared.failure());
    }
    return report(*rekeyed, installation->places, shared.json);
}

}  // namespace

std::unique_ptr<Command> make_rekey() { return std::make_unique<Rekey>(); }

}  // namespace totp
