#include "core/qr.h"

#include <memory>
#include <new>
#include <optional>

#include <dlfcn.h>
#include <malloc.h>
#include <qrencode.h>
#include <string.h>

#include "tests/unit/testing.h"

// ---- what is given back passes here, so that a case can see whether a picture was left in it

namespace {

constexpr std::string_view traces[] = {
    "\1\1\1\1\1\1\1",  // the upper edge of a finder pattern, as modules
    "########",        // the quiet zone in ASCII
    "████",            // and in half blocks
};

int blocks_with_traces = 0;
int symbols_with_modules = 0;

bool holds(const void* block, std::string_view trace) {
    return memmem(block, malloc_usable_size(const_cast<void*>(block)), trace.data(), trace.size()) != nullptr;
}

void give_back(void* block) noexcept {
    if (block != nullptr && std::ranges::any_of(traces, [&](auto trace) { return holds(block, trace); })) {
        ++blocks_with_traces;
    }
    std::free(block);
}

}  // namespace

void* operator new(std::size_t size) {
    if (void* block = std::calloc(1, size)) return block;
    throw std::bad_alloc();
}
void operator delete(void* block) noexcept { give_back(block); }
void operator delete(void* block, std::size_t) noexcept { give_back(block); }

extern "C" void QRcode_free(QRcode* code) {
    static const auto free_code = reinterpret_cast<void (*)(QRcode*)>(dlsym(RTLD_NEXT, "QRcode_free"));
    if (std::any_of(code->data, code->data + code->width * code->width,
                    [](auto octet) { return octet != 0; }))
        ++symbols_with_modules;
    free_code(code);
}

namespace totp::testing {
namespace {

constexpr QrStyle all_styles[] = {QrStyle::utf8, QrStyle::utf8_light, QrStyle::ascii, QrStyle::ansi_utf8,
                                  QrStyle::ansi};

constexpr std::string_view white_on_black = "\033[40;37;1m";
constexpr std::string_view own_colours = "\033[0m";

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

using Rows = std::vector<std::string>;

Rows rows_of(std::string_view text, QrStyle style) {
    Rows rows;
    for (const auto& row : draw_qr(value_of(encode_qr(text)), style)) rows.emplace_back(row.text());
    return rows;
}

/// The character cells of a row: one byte, the three of a block element, or none for an escape sequence.
std::vector<std::string> cells_of(const std::string& row) {
    std::vector<std::string> cells;
    for (std::size_t i = 0; i < row.size();) {
        if (row[i] == '\033') {
            i = row.find('m', i) + 1;
            continue;
        }
        cells.push_back(row.substr(i, static_cast<unsigned char>(row[i]) < 0x80 ? 1 : 3));
        i += cells.back().size();
    }
    return cells;
}

/// Where there is ink, each character cell being two modules above each other.
Modules ink_of_half_blocks(const Rows& rows) {
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
Modules ink_of_ascii(const Rows& rows) {
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

/// The modules of one row, two blanks each, that must be on black or white from the first on.
std::vector<bool> modules_of_coloured_blanks(std::string_view row) {
    std::vector<bool> modules;
    std::optional<bool> is_black;
    while (row != own_colours) {
        const bool turns_black = row.starts_with("\033[40m");
        if (turns_black || row.starts_with("\033[47m")) {
            claim(is_black != turns_black, "the colour changes here");
            is_black = turns_black;
            row.remove_prefix(5);
        }
        claim(row.starts_with("  ") && is_black, "blanks of a colour stand here");
        modules.push_back(*is_black);
        row.remove_prefix(2);
    }
    return modules;
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

// ---- the symbol

void a_symbol_has_the_modules_of_the_text_and_is_light_around_them(void**) {
    constexpr int margin = 3;
    for (const auto& text : texts()) {
        const auto symbol = value_of(encode_qr(text));
        const auto expected = symbol_of(text, margin);
        assert_int_equal(symbol.width() + 2 * margin, expected.size());
        for (int row = -margin; row < symbol.width() + margin; ++row) {
            for (int column = -margin; column < symbol.width() + margin; ++column) {
                claim(symbol.is_dark(row, column) == expected[row + margin][column + margin], text);
            }
        }
    }
}

/// The capacities of ISO/IEC 18004, table 7: 8-bit bytes, error correction L.
void a_symbol_is_the_smallest_that_holds_the_text(void**) {
    for (const auto& [bytes, width] : {std::pair(1, 21),
                                       {17, 21},
                                       {18, 25},
                                       {78, 33},
                                       {79, 37},
                                       {106, 37},
                                       {107, 41},
                                       {2'809, 173},
                                       {2'810, 177},
                                       {2'953, 177}}) {
        assert_int_equal(value_of(encode_qr(std::string(bytes, 'x'))).width(), width);
    }
}

void refuses_a_text_no_symbol_holds(void**) {
    assert_failure(encode_qr(std::string(2'954, 'x')), Trouble::input,
                   "no QR code holds a text of 2954 bytes: it must have 1 to 2953");
    assert_failure(encode_qr(""), Trouble::input, "no QR code holds a text of 0 bytes");
}

// ---- the drawings

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

void coloured_half_blocks_are_those_for_dark_terminals_in_white_on_black(void**) {
    for (const auto& text : texts()) {
        auto plain = rows_of(text, QrStyle::utf8);
        for (auto& row : plain) row = std::string(white_on_black) + row + std::string(own_colours);
        claim(rows_of(text, QrStyle::ansi_utf8) == plain, text);
    }
}

void coloured_blanks_are_the_modules_twice_as_wide(void**) {
    for (const auto& text : texts()) {
        Modules drawn;
        for (const auto& row : rows_of(text, QrStyle::ansi)) drawn.push_back(modules_of_coloured_blanks(row));
        claim(drawn == symbol_of(text, 1), text);
    }
}

void drawings_without_utf8_are_ascii(void**) {
    for (const auto style : {QrStyle::ascii, QrStyle::ansi}) {
        for (const auto& row : rows_of("text", style)) {
            claim(std::ranges::all_of(row, [](char c) { return c >= 0 && c < 127; }), row);
        }
    }
}

void a_drawing_fills_just_the_cells_it_was_said_to_fill(void**) {
    for (const auto& text : texts()) {
        for (const auto style : all_styles) {
            const auto size = size_of(value_of(encode_qr(text)), style);
            const auto rows = rows_of(text, style);
            assert_int_equal(rows.size(), size.rows);
            for (const auto& row : rows) assert_int_equal(cells_of(row).size(), size.columns);
        }
    }
}

void a_key_uri_of_100_bytes_fits_the_terminals_the_design_names(void**) {
    const auto symbol = value_of(encode_qr(std::string(100, 'u')));
    const std::pair<QrStyle, CellSize> sizes[] = {{QrStyle::utf8, {41, 21}},
                                                  {QrStyle::utf8_light, {41, 21}},
                                                  {QrStyle::ansi_utf8, {41, 21}},
                                                  {QrStyle::ascii, {90, 45}},
                                                  {QrStyle::ansi, {78, 39}}};
    for (const auto& [style, expected] : sizes) {
        assert_int_equal(size_of(symbol, style).columns, expected.columns);
        assert_int_equal(size_of(symbol, style).rows, expected.rows);
    }
}

void knows_the_styles_that_need_no_colours_by_their_settings(void**) {
    claim(uncoloured_style_named("utf8") == QrStyle::utf8, "utf8");
    claim(uncoloured_style_named("utf8-light") == QrStyle::utf8_light, "utf8-light");
    claim(uncoloured_style_named("ascii") == QrStyle::ascii, "ascii");
    for (const auto* word : {"", "none", "ansi", "UTF8"}) claim(!uncoloured_style_named(word), word);
}

// ---- the picture is a secret

/// How many blocks were given back with a picture in them while `act` ran.
template <class Act>
int unwiped_blocks(Act act) {
    blocks_with_traces = 0;
    act();
    return blocks_with_traces;
}

void this_test_notices_a_picture_that_is_left(void**) {
    assert_int_equal(unwiped_blocks([] { std::string left(100, '#'); }), 1);
    assert_int_equal(unwiped_blocks([] { std::string left(100, '\1'); }), 1);
    symbols_with_modules = 0;
    static_cast<void>(symbol_of("text", 0));
    assert_int_equal(symbols_with_modules, 1);
}

void leaves_no_picture_in_libqrencodes_symbol(void**) {
    symbols_with_modules = 0;
    for (const auto& text : texts()) value_of(encode_qr(text));
    assert_int_equal(symbols_with_modules, 0);
}

void leaves_no_picture_in_memory_it_gives_back(void**) {
    const auto draw = [] {
        const auto symbol = value_of(encode_qr("text"));
        for (const auto style : all_styles) draw_qr(symbol, style);
    };
    assert_int_equal(unwiped_blocks(draw), 0);
}

}  // namespace
}  // namespace totp::testing

int main() {
    using namespace totp::testing;
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_symbol_has_the_modules_of_the_text_and_is_light_around_them),
        cmocka_unit_test(a_symbol_is_the_smallest_that_holds_the_text),
        cmocka_unit_test(refuses_a_text_no_symbol_holds),
        cmocka_unit_test(half_blocks_ink_the_light_modules_for_dark_terminals),
        cmocka_unit_test(half_blocks_ink_the_dark_modules_for_light_terminals),
        cmocka_unit_test(ascii_inks_the_light_modules_twice_as_wide),
        cmocka_unit_test(coloured_half_blocks_are_those_for_dark_terminals_in_white_on_black),
        cmocka_unit_test(coloured_blanks_are_the_modules_twice_as_wide),
        cmocka_unit_test(drawings_without_utf8_are_ascii),
        cmocka_unit_test(a_drawing_fills_just_the_cells_it_was_said_to_fill),
        cmocka_unit_test(a_key_uri_of_100_bytes_fits_the_terminals_the_design_names),
        cmocka_unit_test(knows_the_styles_that_need_no_colours_by_their_settings),
        cmocka_unit_test(this_test_notices_a_picture_that_is_left),
        cmocka_unit_test(leaves_no_picture_in_libqrencodes_symbol),
        cmocka_unit_test(leaves_no_picture_in_memory_it_gives_back),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
