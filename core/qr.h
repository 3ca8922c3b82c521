// A QR code (ISO/IEC 18004): a text as modules, and modules as rows of text for a terminal.
// Refuses to know what the text says; it may be a secret, so all that is made of it is kept as one.
#pragma once

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "core/failure.h"
#include "core/secret_bytes.h"

namespace totp {

/// The modules of a QR code, dark or light. Whoever has them has the text.
class QrSymbol {
  public:
    /// How many modules are on a side: 21 to 177, the quiet zone not counted.
    int width() const { return width_; }

    /// Row 0 is at the top, column 0 at the left. All that lies outside is the quiet zone: light.
    bool is_dark(int row, int column) const;

  private:
    friend Result<QrSymbol> encode_qr(std::string_view text);
    QrSymbol(int width, SecretBytes modules) : width_(width), modules_(std::move(modules)) {}

    int width_;
    SecretBytes modules_;  ///< width_ * width_ octets, row by row: 1 where it is dark
};

/// The smallest symbol that holds `text`, with error correction L: it is read from a clean screen or print.
/// Fails only where there is none: a text has 1 to 2,953 bytes.
/// libqrencode's result is wiped; the blocks that it freed on the way to it are not ours to wipe.
Result<QrSymbol> encode_qr(std::string_view text);

/// How the modules are drawn. All have a quiet zone, so each row stands as it is. The first three have the
/// colours of the terminal, and scan only where these are as said here; the ANSI ones bring their own.
enum class QrStyle {
    utf8,        ///< half blocks, ink for light modules: for terminals with a dark background
    utf8_light,  ///< half blocks, ink for dark modules: for terminals with a light background
    ascii,       ///< two '#' for each light module: for a dark background without UTF-8
    ansi_utf8,   ///< half blocks, white ink on black: for any background
    ansi,        ///< two blanks for each module, on black or white: for any background, without UTF-8
};

/// "utf8", "utf8-light" or "ascii", as options and settings call them; nothing for all else.
std::optional<QrStyle> uncoloured_style_named(std::string_view word);

/// So many character cells on a terminal.
struct CellSize {
    int columns;
    int rows;
};

/// What a drawing of `symbol` takes. For one of 37 modules (a text of 79 to 106 bytes) that is 41 columns and
/// 21 rows in half blocks, 90 and 45 in ASCII, 78 and 39 in ANSI without UTF-8.
CellSize size_of(const QrSymbol& symbol, QrStyle style);

/// The rows, top to bottom, without line ends. Each takes as many columns as size_of() says and leaves the
/// terminal in its own colours.
std::vector<SecretBytes> draw_qr(const QrSymbol& symbol, QrStyle style);

}  // namespace totp
