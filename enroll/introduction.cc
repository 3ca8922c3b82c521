#include "enroll/introduction.h"

#include <algorithm>
#include <ctime>

#include <unistd.h>

#include "core/base32.h"
#include "core/confirmation.h"
#include "enroll/qr_style.h"
#include "enroll/terminal.h"

namespace totp {
namespace {

constexpr int row_of_question = 1;
constexpr std::string_view margin = "    ";

SecretBytes key_line(const Credential& credential) {
    SecretBytes line(margin);
    line.append(in_groups_of_four(base32_encode(credential.secret.octets())).text());
    return line;
}

/// Nothing but the key has to be typed into an app: it takes the rest without a word.
bool is_usual(const Credential& credential) {
    const Credential usual;
    return credential.type == usual.type && credential.algorithm == usual.algorithm &&
           credential.digits == usual.digits && credential.period == usual.period;
}

bool is_blank(const SecretBytes& line) {
    return line.text().find_first_not_of(" \t\r") == std::string_view::npos;
}

std::optional<Introduced> taken(Confirmation& confirmation, const SecretBytes& code) {
    auto state = confirmation.take(code, std::time(nullptr));
    if (!state) return std::nullopt;
    return Introduced{*std::move(state), code};
}

}  // namespace

Introduction::Introduction(Device device, KeyUri key, std::string qr_word, bool is_json, QrSymbol symbol)
    : device_(std::move(device)),
      key_(std::move(key)),
      qr_word_(std::move(qr_word)),
      is_json_(is_json),
      symbol_(std::move(symbol)) {}

Result<Introduction> Introduction::of(const Device& device, const KeyUri& key, std::string qr_word,
                                      bool is_json) {
    auto symbol = encode_qr(format_key_uri(key, UriParameters::not_default).text());
    if (!symbol) return symbol.failure();
    return Introduction(device, key, std::move(qr_word), is_json, *std::move(symbol));
}

/// The picture comes last: on 80 by 24 it stands whole above the question. Where there is room for it alone,
/// it has a page of its own. All for the terminal as it is now.
std::vector<SecretBytes> Introduction::page(const Sentence& message, bool is_turned) const {
    const auto terminal = examine_terminal();
    const auto style = qr_style(qr_word_, terminal);
    const auto& credential = device_.credential;
    const auto with_key = [&](const Sentence& greeting) {
        return std::vector{SecretBytes((message.empty() ? greeting : message).translated()),
                           key_line(credential)};
    };
    auto lines =
        with_key(is_usual(credential) ? tr("Scan this, or type in the key. Enter alone draws it anew.")
                                      : tr("Scan this, or type in the key (%1). Enter alone draws it anew.",
                                           {parameters_of(credential)}));
    const bool has_room =
        style && !too_small(symbol_, *style, terminal, rows_of(lines, terminal) + row_of_question);
    if (!has_room) {
        lines = with_key(is_usual(credential) ? tr("The key to type in:")
                                              : tr("The key to type in (%1):", {parameters_of(credential)}));
    }
    if (!style) return lines;
    if (const auto sentence = too_small(symbol_, *style, terminal, row_of_question)) {
        lines.emplace_back("\n" + sentence->translated() + "\n");
        return lines;
    }
    if (!has_room && !is_turned) {
        lines.emplace_back(tr("\nEnter alone shows the QR code: it fills this terminal.\n").translated());
        return lines;
    }
    if (!has_room) lines.clear();
    std::ranges::move(draw_qr(symbol_, *style), std::back_inserter(lines));
    return lines;
}

std::optional<Introduced> Introduction::confirm_on_page(const Terminal& terminal,
                                                        const Policy& policy) const {
    Confirmation confirmation(device_, policy);
    Sentence message;
    {
        const SignalsHeldBack signals;
        const SecretScreen screen(terminal);
        for (bool is_turned = false; confirmation.has_tries_left();) {
            screen.show(page(message, is_turned));
            const auto code = ask_line(tr("Code that the app shows now: "));
            if (!code) break;
            message = {};
            is_turned = is_blank(*code) && !is_turned;
            if (is_blank(*code)) continue;
            if (auto shown = taken(confirmation, *code)) return shown;
            message = confirmation.explanation();
        }
    }
    if (!confirmation.explanation().empty()) complain(confirmation.explanation());
    return std::nullopt;
}

SecretBytes Introduction::text(const Terminal& terminal) const {
    SecretBytes text(tr("For the authenticator app of %1: a key to type in (%2)\n\n",
                        {key_.label, parameters_of(device_.credential)})
                         .translated());
    text.append(key_line(device_.credential).text());
    text.append("\n\n");
    const auto style = qr_style(qr_word_, terminal);
    if (!style) return text;
    text.append(tr("or to scan:\n").translated());
    text.append(text_of(draw_qr(symbol_, *style)).text());
    if (qr_word_ == automatic_qr) text.append(advice_for(*style).translated() + "\n");
    return text;
}

void Introduction::show_as_text(const Terminal& terminal) const {
    const auto all = text(terminal);
    if (is_json_) {
        say(all.text());
    } else {
        print(all.text());
    }
}

void Introduction::show() const {
    const auto terminal = examine_terminal();
    if (!has_page(terminal)) {
        show_as_text(terminal);
        return;
    }
    const SignalsHeldBack signals;
    const SecretScreen screen(terminal);
    const auto& credential = device_.credential;
    screen.show(page(is_usual(credential) ? tr("For the app. Press any key once it has this.")
                                          : tr("For the app (%1). Press any key once it has this.",
                                               {parameters_of(credential)}),
                     true));
    wait_for_key();
}

std::optional<Introduced> Introduction::confirm(const Policy& policy) const {
    const auto terminal = examine_terminal();
    if (has_page(terminal)) return confirm_on_page(terminal, policy);
    show_as_text(terminal);
    Confirmation confirmation(device_, policy);
    while (confirmation.has_tries_left()) {
        const auto code = ask_line(tr("Code that the app shows now: "));
        if (!code) break;
        if (auto shown = taken(confirmation, *code)) return shown;
        complain(confirmation.explanation());
    }
    return std::nullopt;
}

}  // namespace totp
