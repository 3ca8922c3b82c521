// A QR code (ISO/IEC 18004) as rows of text for a terminal.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/failure.h"

namespace totp {

/// How the modules are drawn. All have a quiet zone, so each row stands as it is.
enum class QrStyle {
    utf8,        ///< half blocks, ink for light modules: for terminals with a dark background
    utf8_light,  ///< half blocks, ink for dark modules: for terminals with a light background
    ascii,       ///< two '#' for each light module: for a dark background without UTF-8
};

/// The rows, top to bottom, without line ends; every row is as wide as the others.
/// A text of 100 bytes takes 41 columns in half blocks and 90 in ASCII.
/// Fails only for texts longer than a QR code holds (2,953 bytes).
Result<std::vector<std::string>> draw_qr(std::string_view text, QrStyle style);

}  // namespace totp
