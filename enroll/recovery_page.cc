#include "enroll/recovery_page.h"

#include <algorithm>
#include <span>

#include "enroll/secret_screen.h"
#include "enroll/terminal.h"

namespace totp {
namespace {

constexpr std::string_view margin = "    ";
constexpr std::size_t width_of_a_column = 23;  // a code of 19 and the margin of the next
constexpr std::size_t rows_of_text = 9;

void append_line(std::vector<SecretBytes>& page, std::string_view text) { page.emplace_back(text); }

std::vector<SecretBytes> page_of(const std::string& sentence, std::span<const SecretBytes> codes,
                                 std::size_t columns) {
    std::vector<SecretBytes> page;
    append_line(page, sentence);
    append_line(page, "");
    append_line(page, "Recovery codes, each good for one login without the device.");
    append_line(page, "Keep them somewhere safe: they are not shown again.");
    append_line(page, "");
    for (std::size_t i = 0; i < codes.size(); ++i) {
        if (i % columns == 0) append_line(page, "");
        page.back().append(margin);
        page.back().append(codes[i].text());
    }
    append_line(page, "");
    return page;
}

/// As many pages as it takes: what leaves the screen above is lost.
void show_on_screen(const Terminal& terminal, const std::string& sentence,
                    std::span<const SecretBytes> codes) {
    const auto columns =
        std::max<std::size_t>(1, static_cast<std::size_t>(terminal.columns) / width_of_a_column);
    const auto rows =
        std::max<std::size_t>(rows_of_text + 1, static_cast<std::size_t>(terminal.rows)) - rows_of_text;
    const SignalsHeldBack signals;
    const SecretScreen screen(terminal);
    while (!codes.empty()) {
        const auto on_page = codes.first(std::min(codes.size(), columns * rows));
        codes = codes.subspan(on_page.size());
        auto page = page_of(sentence, on_page, columns);
        append_line(page, codes.empty() ? "Press any key once you have them; the screen is wiped then."
                                        : "Press any key for the rest; these are wiped then.");
        screen.show(page);
        wait_for_key();
    }
}

}  // namespace

void show_recovery_codes(const std::string& sentence, const std::vector<SecretBytes>& codes) {
    if (const auto terminal = examine_terminal(); terminal.can_show_secrets) {
        show_on_screen(terminal, sentence, codes);
        return;
    }
    constexpr std::size_t one_column = 1;
    SecretBytes text;
    for (const auto& line : page_of(sentence, codes, one_column)) {
        text.append(line.text());
        text.append("\n");
    }
    print(text.text());
}

}  // namespace totp
