#include "core/qr.h"

#include <memory>

#include <qrencode.h>

#include "tests/unit/testing.h"

namespace totp::testing {
namespace {

/// Rows of modules, dark being true.
using Modules = std::vector<std::vector<bool>>;

/// libqrencode's symbol with `quiet_zone` light modules on each side.
Modules symbol_of(std::string_view text, int quiet_zone) {
    const std::unique_ptr<QRcode, decltype(&QRcode_free)> symbol(
        QRcode_encodeData(static_cast<int>(text.size()), reinterpret_cast<const unsigned char*>(text.data()),
                          0, QR_ECLEVEL_L),
        QRcode_free);
    claim(symbol != nullptr, "libqrencode encodes this");
    const int width = symbol->width + 2 * quiet_zone;
    Modules modules(width, std::vector<bool>(width, false));
    for (int i = 0; i < symbol->width * symbol->width; ++i) {
        modules[quiet_zone + i / symbol->width][quiet_zone + i % symbol->width] = (symbol->data[i] & 1) != 0;
    }
    return modules;
}

std::vector<std::string> rows_of(std::string_view text, QrStyle style) {
    return value_of(draw_qr(text, style));
}

/// The character cells of a row: one byte, or the three of a block element.
std::vector<std::string> cells_of(const std::string& row) {
    std::vector<std::string> cells;
    for (std::size_t i = 0; i < row.size(); i += cells.back().size()) {
        cells.push_back(row.substr(i, static_cast<unsigned char>(row[i]) < 0x80 ? 1 : 3));
    }
    return cells;
}

/// Where there is ink, each character cell being two modules above each other.
Modules ink_of_half_blocks(const std::vector<std::string>& rows) {
    Modules ink;
    for (const auto& row : rows) {
        ink.resize(ink.size() + 2);
        for (const auto& cell : cells_of(row)) {
            claim(cell == " " || cell == "▀" || cell == "▄" || cell == "█", cell);
            ink[ink.size() - 2].push_back(cell == "▀" || cell == "█");
            ink[ink.size() - 1].push_back(cell == "▄" || cell == "█");
        }
    }
    return ink;
}

/// Where there is ink, two equal characters being one module.
Modules ink_of_ascii(const std::vector<std::string>& rows) {
    Modules ink;
    for (const auto& row : rows) {
        auto& modules = ink.emplace_back();
        for (std::size_t i = 0; i < row.size(); i += 2) {
            const auto pair = row.substr(i, 2);
            claim(pair == "  " || pair == "##", row);
            modules.push_back(pair == "##");
        }
    }
    return ink;
}

Modules inverted(Modules modules) {
    for (auto& row : modules) row.flip();
    return modules;
}

/// A row that half blocks add below the last one is nobody's; it has no ink.
Modules without_row_without_ink(Modules ink, std::size_t rows) {
    if (ink.size() == rows + 1 && std::ranges::find(ink.back(), true) == ink.back().end()) ink.pop_back();
    return ink;
}

/// Texts for symbols of many sizes, every byte among them.
std::vector<std::string> texts() {
    std::string bytes;
    for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
    return {"a", "otpauth://totp/phone?secret=GEZDGNBVGY3TQOJQ", std::string(100, 'x'), bytes,
            std::string(2'953, 'y')};
}

void half_blocks_ink_the_light_modules_for_dark_terminals(void**) {
    for (const auto& text : texts()) {
        const auto modules = symbol_of(text, 2);
        const auto ink = ink_of_half_blocks(rows_of(text, QrStyle::utf8));
        claim(without_row_without_ink(ink, modules.size()) == inverted(modules), text);
    }
}

void half_blocks_ink_the_dark_modules_for_light_terminals(void**) {
    for (const auto& text : texts()) {
        const auto modules = symbol_of(text, 2);
        const auto ink = ink_of_half_blocks(rows_of(text, QrStyle::utf8_light));
        claim(without_row_without_ink(ink, modules.size()) == modules, text);
    }
}

void ascii_inks_the_light_modules_twice_as_wide(void**) {
    for (const auto& text : texts()) {
        claim(ink_of_ascii(rows_of(text, QrStyle::ascii)) == inverted(symbol_of(text, 4)), text);
    }
}

void every_row_is_as_wide_as_the_others(void**) {
    for (const auto style : {QrStyle::utf8, QrStyle::utf8_light, QrStyle::ascii}) {
        const auto rows = rows_of("otpauth://totp/phone?secret=GEZDGNBVGY3TQOJQ", style);
        for (const auto& row : rows) assert_int_equal(cells_of(row).size(), cells_of(rows[0]).size());
    }
}

void a_key_uri_of_100_bytes_fits_the_terminals_the_design_names(void**) {
    const std::string uri(100, 'u');
    const auto half_blocks = rows_of(uri, QrStyle::utf8);
    const auto ascii = rows_of(uri, QrStyle::ascii);
    assert_int_equal(cells_of(half_blocks[0]).size(), 41);
    assert_int_equal(half_blocks.size(), 21);
    assert_int_equal(ascii[0].size(), 90);
    assert_int_equal(ascii.size(), 45);
}

void refuses_a_text_no_symbol_holds(void**) {
    assert_failure(draw_qr(std::string(2'954, 'x'), QrStyle::utf8), Trouble::input,
                   "no QR code can be drawn");
}

}  // namespace
}  // namespace totp::testing

int main() {
    using namespace totp::testing;
    const CMUnitTest tests[] = {
        cmocka_unit_test(half_blocks_ink_the_light_modules_for_dark_terminals),
        cmocka_unit_test(half_blocks_ink_the_dark_modules_for_light_terminals),
        cmocka_unit_test(ascii_inks_the_light_modules_twice_as_wide),
        cmocka_unit_test(every_row_is_as_wide_as_the_others),
        cmocka_unit_test(a_key_uri_of_100_bytes_fits_the_terminals_the_design_names),
        cmocka_unit_test(refuses_a_text_no_symbol_holds),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
