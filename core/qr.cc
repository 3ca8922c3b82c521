#include "core/qr.h"

#include <cstring>
#include <memory>
#include <new>
#include <string>

#include <qrencode.h>

namespace totp {
namespace {

constexpr std::size_t longest_text = 2'953;

void wipe_and_free(QRcode* code) {
    explicit_bzero(code->data, static_cast<std::size_t>(code->width) * static_cast<std::size_t>(code->width));
    QRcode_free(code);
}

bool has_half_blocks(QrStyle style) {
    return style == QrStyle::utf8 || style == QrStyle::utf8_light || style == QrStyle::ansi_utf8;
}

/// ISO/IEC 18004 asks for 4 modules. Half blocks are read with 2 as well, and then fit 24 rows. In colours of
/// its own a symbol is read with 1, and then one of 37 modules fits 80 columns; with none it isn't, on black.
int quiet_zone_of(QrStyle style) {
    if (has_half_blocks(style)) return 2;
    return style == QrStyle::ansi ? 1 : 4;
}

/// A symbol within its quiet zone: row 0 and column 0 are the first of the zone.
class Field {
  public:
    Field(const QrSymbol& symbol, int quiet_zone) : symbol_(symbol), quiet_zone_(quiet_zone) {}

    int width() const { return symbol_.width() + 2 * quiet_zone_; }
    bool is_dark(int row, int column) const {
        return symbol_.is_dark(row - quiet_zone_, column - quiet_zone_);
    }

  private:
    const QrSymbol& symbol_;
    int quiet_zone_;
};

/// Two modules above each other in one character cell.
std::string_view half_blocks(bool has_upper_ink, bool has_lower_ink) {
    if (has_upper_ink) return has_lower_ink ? "\u2588" : "\u2580";
    return has_lower_ink ? "\u2584" : " ";
}

/// Two rows of modules. The width is odd: what is below the last row has no ink.
SecretBytes half_block_row(const Field& field, int row, bool inks_dark_modules) {
    const bool has_lower_modules = row + 1 < field.width();
    SecretBytes text;
    for (int column = 0; column < field.width(); ++column) {
        text.append(half_blocks(field.is_dark(row, column) == inks_dark_modules,
                                has_lower_modules && field.is_dark(row + 1, column) == inks_dark_modules));
    }
    return text;
}

SecretBytes ascii_row(const Field& field, int row) {
    SecretBytes text;
    for (int column = 0; column < field.width(); ++column) {
        text.append(field.is_dark(row, column) ? "  " : "##");
    }
    return text;
}

// ---- colours: Select Graphic Rendition of ECMA-48 §8.3.117, as every terminal knows it

constexpr std::string_view bright_white_on_black = "\033[40;37;1m";
constexpr std::string_view on_black = "\033[40m";
constexpr std::string_view on_white = "\033[47m";
constexpr std::string_view own_colours = "\033[0m";

SecretBytes coloured_half_block_row(const Field& field, int row) {
    SecretBytes text(bright_white_on_black);
    text.append(half_block_row(field, row, false).text());
    text.append(own_colours);
    return text;
}

SecretBytes coloured_row(const Field& field, int row) {
    SecretBytes text;
    for (int column = 0; column < field.width(); ++column) {
        const bool is_dark = field.is_dark(row, column);
        const bool is_other_colour = column == 0 || is_dark != field.is_dark(row, column - 1);
        if (is_other_colour) text.append(is_dark ? on_black : on_white);
        text.append("  ");
    }
    text.append(own_colours);
    return text;
}

/// The row of text whose first modules are those of `row`.
SecretBytes draw_row(const Field& field, int row, QrStyle style) {
    switch (style) {
        case QrStyle::utf8: return half_block_row(field, row, false);
        case QrStyle::utf8_light: return half_block_row(field, row, true);
        case QrStyle::ascii: return ascii_row(field, row);
        case QrStyle::ansi_utf8: return coloured_half_block_row(field, row);
        case QrStyle::ansi: return coloured_row(field, row);
    }
    return {};
}

}  // namespace

bool QrSymbol::is_dark(int row, int column) const {
    const bool is_inside = row >= 0 && row < width_ && column >= 0 && column < width_;
    return is_inside && modules_.octets()[static_cast<std::size_t>(row) * width_ + column] != 0;
}

Result<QrSymbol> encode_qr(std::string_view text) {
    if (text.empty() || text.size() > longest_text) {
        return input_failure(
            tr("no QR code holds a text of %1 bytes: it must have 1 to %2", {text.size(), longest_text}));
    }
    constexpr int smallest_version_that_fits = 0;
    const std::unique_ptr<QRcode, decltype(&wipe_and_free)> code(
        QRcode_encodeData(static_cast<int>(text.size()), reinterpret_cast<const unsigned char*>(text.data()),
                          smallest_version_that_fits, QR_ECLEVEL_L),
        wipe_and_free);
    if (code == nullptr) throw std::bad_alloc();
    SecretBytes modules(static_cast<std::size_t>(code->width) * static_cast<std::size_t>(code->width));
    for (std::size_t i = 0; i < modules.size(); ++i) modules.data()[i] = code->data[i] & 1;
    return QrSymbol(code->width, std::move(modules));
}

std::optional<QrStyle> uncoloured_style_named(std::string_view word) {
    if (word == "utf8") return QrStyle::utf8;
    if (word == "utf8-light") return QrStyle::utf8_light;
    if (word == "ascii") return QrStyle::ascii;
    return std::nullopt;
}

CellSize size_of(const QrSymbol& symbol, QrStyle style) {
    const int width = symbol.width() + 2 * quiet_zone_of(style);
    if (has_half_blocks(style)) return {width, (width + 1) / 2};
    return {2 * width, width};
}

std::vector<SecretBytes> draw_qr(const QrSymbol& symbol, QrStyle style) {
    const Field field(symbol, quiet_zone_of(style));
    const int rows_in_one = has_half_blocks(style) ? 2 : 1;
    std::vector<SecretBytes> rows;
    for (int row = 0; row < field.width(); row += rows_in_one) rows.push_back(draw_row(field, row, style));
    return rows;
}

}  // namespace totp
