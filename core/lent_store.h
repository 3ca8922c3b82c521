// A store that is reached with a borrowed group: the group is taken back for each call, and for no longer.
#pragma once

#include <memory>

#include "core/store.h"

namespace totp {

class LentStore : public Store {
  public:
    explicit LentStore(std::unique_ptr<Store> store) : store_(std::move(store)) {}

    Result<bool> is_enrolled(const Account& account) override;
    Result<Done> can_enrol(const Account& account) override;
    Result<std::unique_ptr<HeldAccount>> hold(const Account& account, HoldFor purpose) override;

  private:
    std::unique_ptr<Store> store_;
};

}  // namespace totp
