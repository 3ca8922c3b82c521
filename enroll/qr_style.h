// Which form of QR code suits the terminal.
#pragma once

#include <optional>
#include <string>

#include "core/qr.h"

namespace totp {

/// The words of --qr; `automatic` is resolved by resolve().
enum class QrChoice { automatic, utf8, utf8_light, ascii, none };

/// How to draw; nothing for `none`. Automatic means half blocks for a dark background where the locale is
/// UTF-8 (setlocale() must have been called), ASCII elsewhere.
std::optional<QrStyle> resolve(QrChoice choice);

/// What to do if it doesn't show well; a sentence for under an automatically chosen picture.
std::string advice_for(QrStyle style);

}  // namespace totp
