#include "enroll/qr_style.h"

#include <string_view>

#include <langinfo.h>

namespace totp {

std::optional<QrStyle> resolve(QrChoice choice) {
    switch (choice) {
        case QrChoice::automatic: {
            const bool has_half_blocks = std::string_view(nl_langinfo(CODESET)) == "UTF-8";
            return has_half_blocks ? QrStyle::utf8 : QrStyle::ascii;
        }
        case QrChoice::utf8: return QrStyle::utf8;
        case QrChoice::utf8_light: return QrStyle::utf8_light;
        case QrChoice::ascii: return QrStyle::ascii;
        case QrChoice::none: return std::nullopt;
    }
    return std::nullopt;
}

std::string advice_for(QrStyle style) {
    if (style == QrStyle::ascii) {
        return "Broken lines? Make the terminal wider. In a UTF-8 terminal --qr utf8 is smaller.";
    }
    return "On a light background, --qr utf8-light; without blocks like these, --qr ascii.";
}

}  // namespace totp
