#include "core/qr.h"

#include <cerrno>
#include <memory>

#include <qrencode.h>

namespace totp {
namespace {

using Symbol = std::unique_ptr<QRcode, decltype(&QRcode_free)>;

/// The modules of a symbol and the quiet zone around them, as light or dark.
class Modules {
  public:
    Modules(const QRcode& symbol, int quiet_zone) : symbol_(symbol), quiet_zone_(quiet_zone) {}

    int width() const { return symbol_.width + 2 * quiet_zone_; }

    bool is_dark(int row, int column) const {
        row -= quiet_zone_;
        column -= quiet_zone_;
        const bool is_inside = row >= 0 && row < symbol_.width && column >= 0 && column < symbol_.width;
        return is_inside && (symbol_.data[row * symbol_.width + column] & 1) != 0;
    }

  private:
    const QRcode& symbol_;
    int quiet_zone_;
};

/// Two modules above each other in one character cell.
std::string_view half_blocks(bool has_upper_ink, bool has_lower_ink) {
    if (has_upper_ink) return has_lower_ink ? "\u2588" : "\u2580";
    return has_lower_ink ? "\u2584" : " ";
}

std::vector<std::string> draw_half_blocks(const Modules& modules, bool inks_dark_modules) {
    std::vector<std::string> rows;
    for (int row = 0; row < modules.width(); row += 2) {
        auto& text = rows.emplace_back();
        for (int column = 0; column < modules.width(); ++column) {
            const bool is_within = row + 1 < modules.width();
            text += half_blocks(modules.is_dark(row, column) == inks_dark_modules,
                                is_within && modules.is_dark(row + 1, column) == inks_dark_modules);
        }
    }
    return rows;
}

std::vector<std::string> draw_ascii(const Modules& modules) {
    std::vector<std::string> rows;
    for (int row = 0; row < modules.width(); ++row) {
        auto& text = rows.emplace_back();
        for (int column = 0; column < modules.width(); ++column) {
            text += modules.is_dark(row, column) ? "  " : "##";
        }
    }
    return rows;
}

}  // namespace

Result<std::vector<std::string>> draw_qr(std::string_view text, QrStyle style) {
    constexpr int quiet_zone_of_half_blocks = 2;
    constexpr int quiet_zone = 4;
    constexpr int smallest_version_that_fits = 0;
    const Symbol symbol(
        QRcode_encodeData(static_cast<int>(text.size()), reinterpret_cast<const unsigned char*>(text.data()),
                          smallest_version_that_fits, QR_ECLEVEL_L),
        QRcode_free);
    if (symbol == nullptr) return Failure{Trouble::input, "no QR code can be drawn" + because_of(errno)};
    switch (style) {
        case QrStyle::utf8: return draw_half_blocks({*symbol, quiet_zone_of_half_blocks}, false);
        case QrStyle::utf8_light: return draw_half_blocks({*symbol, quiet_zone_of_half_blocks}, true);
        case QrStyle::ascii: return draw_ascii({*symbol, quiet_zone});
    }
    return Failure{Trouble::input, "no such form of QR code"};
}

}  // namespace totp
