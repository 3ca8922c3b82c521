#include "core/lent_store.h"

#include "core/privilege.h"

namespace totp {
namespace {

class LentAccount : public HeldAccount {
  public:
    explicit LentAccount(std::unique_ptr<HeldAccount> held) : held_(std::move(held)) { follow(); }

    Result<Done> commit(LoginState next) override {
        return lent([&] { return held_->commit(std::move(next)); });
    }
    Result<Done> enrol(const Enrolment& enrolment, LoginState state) override {
        return lent([&] { return held_->enrol(enrolment, std::move(state)); });
    }
    Result<Done> remove() override {
        return lent([&] { return held_->remove(); });
    }

  private:
    template <class Call>
    Result<Done> lent(Call call) {
        const BorrowedGroup group;
        auto done = call();
        follow();
        return done;
    }

    void follow() {
        enrolment_ = held_->enrolment();
        state_ = held_->state();
    }

    std::unique_ptr<HeldAccount> held_;
};

}  // namespace

Result<bool> LentStore::is_enrolled(const Account& account) {
    const BorrowedGroup group;
    return store_->is_enrolled(account);
}

Result<Done> LentStore::can_enrol(const Account& account) {
    const BorrowedGroup group;
    return store_->can_enrol(account);
}

Result<std::unique_ptr<HeldAccount>> LentStore::hold(const Account& account, HoldFor purpose) {
    const BorrowedGroup group;
    auto held = store_->hold(account, purpose);
    if (!held) return held;
    return std::unique_ptr<HeldAccount>(std::make_unique<LentAccount>(*std::move(held)));
}

}  // namespace totp
