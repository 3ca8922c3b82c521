// totp-enroll prepare: makes the store and the host key, before anybody is enrolled. For who installs.
#include "enroll/command.h"
#include "enroll/exit_code.h"
#include "enroll/terminal.h"

namespace totp {
namespace {

class Prepare : public Command {
  public:
    void declare(Options& options) override { options.example("totp-enroll prepare"); }

    int run(const SharedOptions& shared) override {
        if (!is_root() && shared.store.empty()) {
            complain(tr("only root can make the store: run it with sudo"));
            return exit_not_permitted;
        }
        if (const auto refused = refuse_user(shared, "prepare")) return complain(*refused);
        const auto installation = find_installation(shared);
        if (!installation) return complain(installation.failure());
        if (const auto refused = refuse_needless_local(installation->settings, shared))
            return complain(*refused);
        const auto prepared = prepare_store(*installation);
        return prepared ? exit_done : complain(prepared.failure());
    }
};

}  // namespace

std::unique_ptr<Command> make_prepare() { return std::make_unique<Prepare>(); }

}  // namespace totp
