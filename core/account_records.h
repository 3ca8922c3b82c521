// What stands in an account's two records. Knows no lock: who needs one has it.
#pragma once

#include <optional>
#include <string>

#include "core/enrolment.h"
#include "core/file_store.h"
#include "core/login_state.h"
#include "core/record_file.h"
#include "core/sealed_record.h"

namespace totp {

/// One account's name, as the files are called.
struct RecordNames {
    std::string record;
    std::string enrolled;  ///< the path of its enrolment
    std::string state;     ///< the path of its login state
};
RecordNames names_of_record(const std::string& record, const FileStorePlaces& places);

/// The enrolment of the account; nothing if there is none.
Result<std::optional<Enrolment>> read_enrolment(const Directory& enrolled, const RecordNames& names,
                                                const Account& account, HostKeys& keys);

/// What the open file of its login state says.
Result<LoginState> read_state(const Descriptor& file, const RecordNames& names, const Account& account);

/// Why nobody logs in by `enrolment` where this is all that is known of its devices; `state` is null where
/// there is no file. Says the way out.
std::optional<Failure> refuse_lost_state(const Enrolment& enrolment, const LoginState* state,
                                         const RecordNames& names, const Account& account);

}  // namespace totp
