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
constexpr std::string_view question = "Code that the app shows now: ";
constexpr std::string_view margin = "    ";

SecretBytes key_line(const Credential& credential) {
    SecretBytes line(margin);
    line.append(in_groups_of_four(base32_encode(credential.secret.octets())).text());
    return line;
}

/// The same where it isn't what every app takes without a word; short, for a narrow page.
std::string unusual_parameters_of(const Credential& credential) {
    const Credential usual;
    const bool is_usual = credential.type == usual.type && credential.algorithm == usual.algorithm &&
                          credential.digits == usual.digits && credential.period == usual.period;
    return is_usual ? "" : " (" + parameters_of(credential).english() + ")";
}

bool is_blank(const SecretBytes& line) {
    return line.text().find_first_not_of(" \t\r") == std::string_view::npos;
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
std::vector<SecretBytes> Introduction::page(const std::string& message, bool is_turned) const {
    const auto terminal = examine_terminal();
    const auto style = qr_style(qr_word_, terminal);
    const auto unusual = unusual_parameters_of(device_.credential);
    const auto with_key = [&](const std::string& greeting) {
        return std::vector{SecretBytes(message.empty() ? greeting : message), key_line(device_.credential)};
    };
    auto lines = with_key("Scan this, or type in the key" + unusual + ". Enter alone draws it anew.");
    const bool has_room =
        style && !too_small(symbol_, *style, terminal, rows_of(lines, terminal) + row_of_question);
    if (!has_room) lines = with_key("The key to type in" + unusual + ":");
    if (!style) return lines;
    if (const auto sentence = too_small(symbol_, *style, terminal, row_of_question)) {
        lines.emplace_back("\n" + *sentence + "\n");
        return lines;
    }
    if (!has_room && !is_turned) {
        lines.emplace_back("\nEnter alone shows the QR code: it fills this terminal.\n");
        return lines;
    }
    if (!has_room) lines.clear();
    std::ranges::move(draw_qr(symbol_, *style), std::back_inserter(lines));
    return lines;
}

std::optional<LoginState> Introduction::confirm_on_page(const Terminal& terminal,
                                                        const Policy& policy) const {
    Confirmation confirmation(device_, policy);
    std::string message;
    {
        const SignalsHeldBack signals;
        const SecretScreen screen(terminal);
        for (bool is_turned = false; confirmation.has_tries_left();) {
            screen.show(page(message, is_turned));
            const auto code = ask_line(question);
            if (!code) break;
            message.clear();
            is_turned = is_blank(*code) && !is_turned;
            if (is_blank(*code)) continue;
            if (auto state = confirmation.take(*code, std::time(nullptr))) return state;
            message = confirmation.explanation().translated();
        }
    }
    if (!confirmation.explanation().empty()) complain(confirmation.explanation());
    return std::nullopt;
}

SecretBytes Introduction::text(const Terminal& terminal) const {
    SecretBytes text("For the authenticator app of " + key_.label + ": a key to type in (" +
                     parameters_of(device_.credential).english() + ")\n\n");
    text.append(key_line(device_.credential).text());
    text.append("\n\n");
    const auto style = qr_style(qr_word_, terminal);
    if (!style) return text;
    text.append("or to scan:\n");
    text.append(text_of(draw_qr(symbol_, *style)).text());
    if (qr_word_ == automatic_qr) text.append(advice_for(*style) + "\n");
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
    screen.show(
        page("For the app" + unusual_parameters_of(device_.credential) + ". Press any key once it has this.",
             true));
    wait_for_key();
}

std::optional<LoginState> Introduction::confirm(const Policy& policy) const {
    const auto terminal = examine_terminal();
    if (has_page(terminal)) return confirm_on_page(terminal, policy);
    show_as_text(terminal);
    Confirmation confirmation(device_, policy);
    while (confirmation.has_tries_left()) {
        const auto code = ask_line(question);
        if (!code) break;
        if (auto state = confirmation.take(*code, std::time(nullptr))) return state;
        complain(confirmation.explanation());
    }
    return std::nullopt;
}

}  // namespace totp
