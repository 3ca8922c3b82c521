#include "enroll/recovery_page.h"

#include <algorithm>
#include <span>

#include "enroll/secret_screen.h"
#include "enroll/terminal.h"

namespace totp {
namespace {

constexpr std::string_view margin = "    ";
constexpr std::size_t width_of_a_column = 23;  // a code of 19 and the margin of the next

Sentence last_question() { return tr("Press any key once you have them; the screen is wiped then."); }

void append_line(std::vector<SecretBytes>& page, const Sentence& line) {
    page.emplace_back(line.translated());
}

std::vector<SecretBytes> page_of(const Sentence& sentence, std::span<const SecretBytes> codes,
                                 std::size_t columns) {
    std::vector<SecretBytes> page;
    append_line(page, sentence);
    append_line(page, "");
    append_line(page, tr("Recovery codes, each good for one login without the device."));
    append_line(page, tr("Keep them somewhere safe: they are not shown again."));
    append_line(page, "");
    for (std::size_t i = 0; i < codes.size(); ++i) {
        if (i % columns == 0) append_line(page, "");
        page.back().append(margin);
        page.back().append(codes[i].text());
    }
    append_line(page, "");
    return page;
}

/// How many codes fit below the text and above the question, at least one.
std::size_t codes_of_a_page(const Terminal& terminal, const Sentence& sentence, std::size_t columns) {
    auto frame = page_of(sentence, {}, columns);
    append_line(frame, last_question());
    append_line(frame, "");
    const auto rows = terminal.rows - rows_of(frame, terminal);
    const auto rows_of_a_code = terminal.columns < static_cast<int>(width_of_a_column) ? 2 : 1;
    return columns * static_cast<std::size_t>(std::max(1, rows / rows_of_a_code));
}

/// As many pages as it takes: what leaves the screen above is lost.
void show_on_screen(const Terminal& terminal, const Sentence& sentence, std::span<const SecretBytes> codes) {
    const auto columns =
        std::max<std::size_t>(1, static_cast<std::size_t>(terminal.columns) / width_of_a_column);
    const auto most = codes_of_a_page(terminal, sentence, columns);
    const SignalsHeldBack signals;
    signals.forget();  // all is saved: who wanted to leave before that is too late
    const SecretScreen screen(terminal);
    while (!codes.empty()) {
        const auto on_page = codes.first(std::min(codes.size(), most));
        codes = codes.subspan(on_page.size());
        auto page = page_of(sentence, on_page, columns);
        append_line(
            page, codes.empty() ? last_question() : tr("Press any key for the rest; these are wiped then."));
        forget_typed();
        screen.show(page);
        wait_for_key();
    }
}

}  // namespace

void show_recovery_codes(const Sentence& sentence, const std::vector<SecretBytes>& codes) {
    if (const auto terminal = examine_terminal(); terminal.can_show_secrets) {
        const SignalsHeldBack signals;
        try {
            show_on_screen(terminal, sentence, codes);
        } catch (const Interrupted&) {
            complain(tr("everything is saved; if you didn't note the recovery codes: totp-enroll recovery"));
            throw;
        }
        return;
    }
    constexpr std::size_t one_column = 1;
    print(text_of(page_of(sentence, codes, one_column)).text());
}

}  // namespace totp
