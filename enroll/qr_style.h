// Which form of QR code suits the terminal.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/qr.h"
#include "core/sentence.h"
#include "enroll/secret_screen.h"

namespace totp {

/// The words of --qr: auto, utf8, utf8-light, ascii, ansi, none.
std::vector<std::string> words_of_qr();
inline constexpr const char* automatic_qr = "auto";

/// How to draw what the word says; nothing for "none". "auto" is coloured where the terminal has colours, for
/// then its background doesn't matter; in half blocks where the locale is UTF-8.
std::optional<QrStyle> qr_style(const std::string& word, const Terminal& terminal);

/// What to do if it doesn't show well; a line for under an automatically chosen picture.
Sentence advice_for(QrStyle style);

/// Why a picture isn't drawn that wouldn't be whole on the terminal below and above `other_rows` rows of
/// text, and the way out; nothing where it fits.
std::optional<Sentence> too_small(const QrSymbol& symbol, QrStyle style, const Terminal& terminal,
                                  int other_rows);

}  // namespace totp
