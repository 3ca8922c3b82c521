// What totp-enroll and totp_administer_postgresql say to each other: one order after the other on stdin, and
// after each its answer on stdout. Each ends with an empty line.
//
//     order    pam-totp-administer 1 WORD NEWLINE VALUE…     what is to be done in the database, and with
//     what answer   done NEWLINE VALUE…                           it is done, and what is to be known
//              refused SENTENCE NEWLINE                      it makes no sense there: no such account, or
//              device unusable SENTENCE NEWLINE                     the database can't be asked, or it is in
//              doubt what it did
//     VALUE    =TEXT NEWLINE, or - NEWLINE for none. Bytes outside printable ASCII, blanks and '%' stand as
//     %XX
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/failure.h"
#include "core/secret_bytes.h"

namespace totp {

/// Longest order and longest answer, in bytes.
inline constexpr std::size_t longest_order = 65'536;
inline constexpr std::size_t longest_facts = 1'048'576;

/// What an order and an answer end with, and have nowhere else.
inline constexpr std::string_view end_of_message = "\n\n";

using Values = std::vector<std::optional<SecretBytes>>;

struct Order {
    std::string word;  ///< "status", "add_device": totp_administer_postgresql has the list
    Values values;
};

SecretBytes format_order(const Order& order);

/// The reverse; nothing for a text that format_order() wouldn't write just so.
std::optional<Order> parse_order(std::string_view message);

/// Refused is Trouble::input, unusable any other.
SecretBytes format_facts(const Result<Values>& facts);

/// The reverse; nothing for all else.
std::optional<Result<Values>> parse_facts(std::string_view message);

}  // namespace totp
