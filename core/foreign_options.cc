#include "core/foreign_options.h"

#include <algorithm>
#include <iterator>

namespace totp {
namespace {

struct ForeignOption {
    std::string_view name;
    std::string_view module;
    Sentence (*instead)();
};

constexpr std::string_view google = "pam_google_authenticator";
constexpr std::string_view oath = "pam_oath";

constexpr ForeignOption foreign_options[] = {
    {"allow_readonly", google,
     [] {
         return tr(
             "a code that can't be recorded as spent lets nobody in: name a directory that can be written, "
             "state=DIR");
     }},
    {"allowed_perm", google,
     [] {
         return tr(
             "what is enrolled doesn't lie in the home directories: leave it out, and bring what was "
             "enrolled before with totp-enroll import google");
     }},
    {"alwaysok", oath,
     [] {
         return tr(
             "nobody is let in by a wrong code: unenrolled=ignore lets those pass who aren't enrolled yet");
     }},
    {"digits", oath,
     [] {
         return tr(
             "each device has its own: totp-enroll add --digits, and totp-enroll import oath keeps what it "
             "finds");
     }},
    {"no_strict_owner", google,
     [] {
         return tr(
             "what is enrolled doesn't lie in the home directories: leave it out, and bring what was "
             "enrolled before with totp-enroll import google");
     }},
    {"secret", google,
     [] {
         return tr(
             "bring what was enrolled before with totp-enroll import google, and name another place for it, "
             "if need be, with store=DIR");
     }},
    {"user", google,
     [] {
         return tr(
             "what is enrolled is read as root, or by totp_check where the application isn't root: leave it "
             "out");
     }},
    {"usersfile", oath,
     [] {
         return tr(
             "bring what was enrolled before with totp-enroll import oath, and name another place for it, if "
             "need be, with store=DIR");
     }},
};

}  // namespace

std::optional<Sentence> advice_for_foreign_option(std::string_view name) {
    const auto option = std::ranges::find(foreign_options, name, &ForeignOption::name);
    if (option == std::end(foreign_options)) return std::nullopt;
    return tr("the argument %1 is %2's: %3", {option->name, option->module, option->instead()});
}

}  // namespace totp
