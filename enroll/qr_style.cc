#include "enroll/qr_style.h"

#include <string_view>

#include <langinfo.h>

namespace totp {

std::vector<std::string> words_of_qr() { return {automatic_qr, "utf8", "utf8-light", "ascii", "none"}; }

std::optional<QrStyle> qr_style(const std::string& word) {
    if (word == "utf8") return QrStyle::utf8;
    if (word == "utf8-light") return QrStyle::utf8_light;
    if (word == "ascii") return QrStyle::ascii;
    if (word == "none") return std::nullopt;
    const bool has_half_blocks = std::string_view(nl_langinfo(CODESET)) == "UTF-8";
    return has_half_blocks ? QrStyle::utf8 : QrStyle::ascii;
}

std::string advice_for(QrStyle style) {
    if (style == QrStyle::ascii) {
        return "Broken lines? Make the terminal wider. In a UTF-8 terminal --qr utf8 is smaller.";
    }
    return "On a light background, --qr utf8-light; without blocks like these, --qr ascii.";
}

}  // namespace totp
