// Where the accounts of a list are enrolled: the store of this machine, or a fleet's database.
#pragma once

#include <functional>
#include <optional>

#include "core/enrolment.h"
#include "core/file_store.h"
#include "core/recovery.h"
#include "enroll/bulk/next_step.h"
#include "enroll/database_elsewhere.h"

namespace totp {

/// What an account gets that isn't enrolled.
struct Fresh {
    Device device;         ///< of the usual parameters
    RecoverySet recovery;  ///< without hashes where an earlier run has made the codes
};

enum class Ending {
    enrolled,        ///< by this run, or its last step by this run
    done_before,     ///< nothing was changed
    done_elsewhere,  ///< likewise, and what is enrolled didn't come from here: there is nothing to hand over
};

/// Several threads may be at it, each with another account.
class Register {
  public:
    virtual ~Register() = default;

    /// What is enrolled, as far as next_step() asks for it: whether anything is, and whether what lies there
    /// is among it.
    virtual Result<std::optional<Enrolment>> enrolment_of(const Account& account,
                                                          const LyingThere& there) const = 0;

    /// Enrols an account, durably, if it isn't enrolled; false if it is. Nothing is enrolled before `begin`
    /// has come back, by which what the account is handed is durable, or if it fails. After any other failure
    /// it isn't certain whether the account is enrolled: what has begun must stay.
    using Begin = std::function<Result<Done>()>;
    virtual Result<bool> enrol(const Account& account, const Fresh& fresh, const Begin& begin) const = 0;

    /// Whether an account may still come to be enrolled with what a run has begun that is over: then that is
    /// gone on with. Else it is made anew.
    virtual bool may_be_under_way() const = 0;

    /// What an account comes to that was enrolled without us.
    virtual Result<Ending> enrolled_without_us(const Account& account) const = 0;
};

class RegisterInFiles : public Register {
  public:
    RegisterInFiles(FileStorePlaces places, MissingState missing_state)
        : places_(std::move(places)), missing_state_(missing_state) {}

    Result<std::optional<Enrolment>> enrolment_of(const Account&, const LyingThere&) const override;
    Result<bool> enrol(const Account& account, const Fresh& fresh, const Begin& begin) const override;

    bool may_be_under_way() const override { return false; }  // the account was held by it

    /// A failure: one machine's accounts are enrolled from one list.
    Result<Ending> enrolled_without_us(const Account& account) const override;

  private:
    FileStorePlaces places_;
    MissingState missing_state_;
};

class RegisterInDatabase : public Register {
  public:
    explicit RegisterInDatabase(DatabaseElsewhere database) : database_(std::move(database)) {}

    Result<std::optional<Enrolment>> enrolment_of(const Account& account,
                                                  const LyingThere& there) const override;
    Result<bool> enrol(const Account& account, const Fresh& fresh, const Begin& begin) const override;

    bool may_be_under_way() const override { return true; }

    /// Done: many administrators and people enrol in one database.
    Result<Ending> enrolled_without_us(const Account&) const override { return Ending::done_elsewhere; }

  private:
    DatabaseElsewhere database_;
};

}  // namespace totp
