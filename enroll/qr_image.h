// A QR code as a file, to print or to hand on: PNG or SVG.
// Refuses to know whose it is or may be: the file is made with the rights of the process, none added.
#pragma once

#include <string>

#include "core/failure.h"
#include "core/qr.h"
#include "core/secret_bytes.h"

namespace totp {

/// What stands beside the picture for people. Issuer and account may hold any bytes: what isn't UTF-8, or is
/// no character to be seen, is shown as U+FFFD.
struct QrCaption {
    std::string issuer;  ///< may be empty
    std::string account;
    SecretBytes key;  ///< base 32 in groups of four, for who can't scan
};

/// Whether it ends in .png or .svg, in any case.
bool is_qr_file_name(const std::string& path);

/// What a PNG file of it holds, as below. Throws where libpng can't run at all.
SecretBytes qr_png(const QrSymbol& symbol, const QrCaption& caption);

/// Makes the file, which must not be there, readable and writable by its owner alone, whatever the umask.
///
/// PNG: one bit a pixel, eight pixels a module, a quiet zone of four modules; prints at 300 dpi, a symbol of
/// 37 modules 30 mm wide. Its `Title` names issuer and account; the key is in the modules only.
///
/// SVG: 60 mm wide; issuer, account and key stand as text below the picture.
///
/// Done means that it is on the disk. On failure, of kind `input` and naming --qr-file, no file is left that
/// wasn't there. Throws where libpng can't run at all.
Result<Done> write_qr_file(const std::string& path, const QrSymbol& symbol, const QrCaption& caption);

}  // namespace totp
