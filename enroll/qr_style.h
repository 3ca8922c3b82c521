// Which form of QR code suits the terminal.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/qr.h"

namespace totp {

/// The words of --qr: auto, utf8, utf8-light, ascii, none.
std::vector<std::string> words_of_qr();
inline constexpr const char* automatic_qr = "auto";

/// How to draw what the word says; nothing for "none". "auto" means half blocks for a dark background where
/// the locale is UTF-8 (setlocale() must have been called), ASCII elsewhere.
std::optional<QrStyle> qr_style(const std::string& word);

/// What to do if it doesn't show well; a line for under an automatically chosen picture.
std::string advice_for(QrStyle style);

}  // namespace totp
