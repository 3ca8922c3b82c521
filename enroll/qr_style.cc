#include "enroll/qr_style.h"

namespace totp {

std::vector<std::string> words_of_qr() {
    return {automatic_qr, "utf8", "utf8-light", "ascii", "ansi", "none"};
}

std::optional<QrStyle> qr_style(const std::string& word, const Terminal& terminal) {
    const auto coloured = terminal.is_utf8 ? QrStyle::ansi_utf8 : QrStyle::ansi;
    if (const auto uncoloured = uncoloured_style_named(word)) return uncoloured;
    if (word == "ansi") return coloured;
    if (word == "none") return std::nullopt;
    if (terminal.has_colours) return coloured;
    return terminal.is_utf8 ? QrStyle::utf8 : QrStyle::ascii;
}

Sentence advice_for(QrStyle style) {
    switch (style) {
        case QrStyle::ascii:
            return tr("Broken lines? Make the terminal wider. In a UTF-8 terminal --qr utf8 is smaller.");
        case QrStyle::utf8:
        case QrStyle::utf8_light:
            return tr("On a light background, --qr utf8-light; without blocks like these, --qr ascii.");
        case QrStyle::ansi:
        case QrStyle::ansi_utf8: return tr("No black and white squares? Use --qr utf8 or --qr ascii.");
    }
    return {};
}

std::optional<Sentence> too_small(const QrSymbol& symbol, QrStyle style, const Terminal& terminal,
                                  int other_rows) {
    const auto [columns, rows] = size_of(symbol, style);
    if (columns <= terminal.columns && rows + other_rows <= terminal.rows) return std::nullopt;
    const auto size = [](int wide, int high) { return std::to_string(wide) + "x" + std::to_string(high); };
    const auto needed = size(columns, rows + other_rows);
    const auto there = size(terminal.columns, terminal.rows);
    return terminal.is_utf8
               ? tr("The QR code needs a terminal of %1, this one has %2.\nMake it larger and press Enter "
                    "alone; "
                    "or leave with Ctrl-C\nand start again with --qr-file FILE.png.",
                    {needed, there})
               : tr("The QR code needs a terminal of %1, this one has %2.\nMake it larger and press Enter "
                    "alone; "
                    "or leave with Ctrl-C\nand start again with --qr-file FILE.png, or in a UTF-8 terminal.",
                    {needed, there});
}

}  // namespace totp
