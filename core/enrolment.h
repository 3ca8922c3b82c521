// Everything a user enrolled, and its text form. Written when a person enrols, never at a login.
// Its sealed form is core/seal's.
#pragma once

#include <string>
#include <vector>

#include "core/credential.h"
#include "core/failure.h"
#include "core/recovery.h"

namespace totp {

/// A device, the name its user knows it by, and the one its login state knows it by.
struct Device {
    Device(std::string its_name, Credential its_credential)
        : name(std::move(its_name)), credential(std::move(its_credential)), id(device_id(credential)) {}

    std::string name;  ///< see is_device_name()
    Credential credential;
    std::string id;  ///< device_id() of the credential

    bool operator==(const Device&) const = default;
};

/// Most devices a user may have.
inline constexpr std::size_t maximum_devices = 8;

struct Enrolment {
    std::vector<Device> devices;         ///< names and secrets all different; at most 8
    std::vector<RecoveryHash> recovery;  ///< at most 32

    const Device* device_named(std::string_view name) const;
    bool operator==(const Enrolment&) const = default;
};

/// 1 to 32 ASCII letters, digits, '.', '_' and '-', the first a letter or digit: fit for a log line, a file
/// name and a screen. Not "recovery": that is what the log calls a recovery code.
bool is_device_name(std::string_view name);

/// One item a line, in the format the field has for it:
///
///     otpauth://TYPE/DEVICE?secret=…              one key URI for each device, the label being its name
///     recovery HASH [expires=UNIX] [digits=8]     one line for each recovery code; with digits=8 it has
///                                                 RecoveryForm::digits
///
SecretBytes format_enrolment(const Enrolment& enrolment);

/// What is wrong with `enrolment` as a whole, as the end of "it has …"; nothing if all is right.
/// Who changes an enrolment asks before it is written: what parse_enrolment() would refuse must not be
/// stored.
std::optional<Sentence> contradiction_in(const Enrolment& enrolment);

/// The reverse of format_enrolment(). A line that isn't exactly of these forms, a doubled device or code, too
/// many of either and an enrolment without a device are refused with the line's number, as a clause to follow
/// a file's name.
Result<Enrolment> parse_enrolment(std::string_view text);

}  // namespace totp
