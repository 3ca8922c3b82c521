#include "pam_module/fleet/inquiry.h"

#include <algorithm>

#include "core/hexadecimal.h"
#include "core/percent.h"
#include "core/random.h"
#include "pam_module/fleet/reply.h"

namespace totp {
namespace {

/// So many connections one question may take: one, and two after doubts.
constexpr int most_connections = 3;
constexpr std::size_t nonce_size = 16;

bool is_printable(char c) { return c >= ' ' && c < 127; }

SecretBytes in_ascii(const SecretBytes& response) {
    constexpr std::size_t longest = 1'024;  // that totp.verify() takes; no code has as many bytes
    auto text = response.size() > longest ? SecretBytes(std::string_view("?")) : response;
    std::replace_if(
        text.data(), text.data() + text.size(),
        [](std::uint8_t octet) { return octet != '\t' && !is_printable(static_cast<char>(octet)); },
        std::uint8_t{'?'});
    return text;
}

/// What the database makes a place of. A host that calls itself `local:UID` is one of that name, as
/// everywhere.
std::string remote_host_of(const Subject& subject) {
    const auto& host = subject.remote_host;
    if (host.empty() || host.starts_with("local:")) return subject.place;
    return percent_encode(host, [](char c) { return c > ' ' && c < 127; });
}

Statement statement_of(const Inquiry& inquiry) {
    const auto text = [](const std::string& value) {
        return Parameter{SecretBytes(std::string_view(value))};
    };
    return {
        "SELECT verdict, reason, device, drift, failures, retry_in"
        " FROM totp.verify($1::text, $2::text, decode($3::text, 'hex'), $4::text, $5::text)",
        {text(inquiry.account),
         {inquiry.response, true},
         text(inquiry.nonce),
         text(inquiry.remote_host),
         text(inquiry.service)}};
}

/// Asks until there is an answer or a doubt; `asked` first.
std::variant<Doubt, Answer> asked_on(Connection& connection, const Statement& statement, Asked asked) {
    auto meaning = meaning_of(connection.run(statement), asked);
    if (std::holds_alternative<Pending>(meaning))
        meaning = meaning_of(connection.run(statement), Asked::verdict);
    if (auto* doubt = std::get_if<Doubt>(&meaning)) return std::move(*doubt);
    if (const auto* is_enrolled = std::get_if<bool>(&meaning)) return Answer(*is_enrolled);
    return Answer(std::get<Outcome>(std::move(meaning)));
}

Outcome unavailable(const std::string& why) {
    return outcome_of(Failure{Trouble::store, "the database can't be relied on: " + why});
}

}  // namespace

Result<Inquiry> inquiry_about(const Subject& subject, const Question& question) {
    const auto nonce = random_bytes(nonce_size);
    if (!nonce) return nonce.failure();
    Inquiry inquiry{.account = subject.account ? subject.account->name : "",
                    .response = std::nullopt,
                    .nonce = hexadecimal(nonce->octets()),
                    .remote_host = remote_host_of(subject),
                    .service = printable(subject.service)};
    if (question.about == Question::About::response) inquiry.response = in_ascii(question.response);
    return inquiry;
}

Answer answer_by(Connections& connections, const Inquiry& inquiry) {
    const auto statement = statement_of(inquiry);
    auto asked = inquiry.response ? Asked::charge : Asked::enrolled;
    std::string doubts;
    for (int i = 0; i < most_connections; ++i) {
        const auto connection = connections.next();
        if (!connection) return unavailable(doubts + connection.failure().message.english());
        auto answer = asked_on(**connection, statement, asked);
        if (auto* said = std::get_if<Answer>(&answer)) return std::move(*said);
        const auto& doubt = std::get<Doubt>(answer);
        if (doubt.is_shut_out) return outcome_of(Failure{Trouble::settings, doubt.why});
        if (!doubt.may_ask_again) return unavailable(doubts + doubt.why);
        doubts += doubt.why + "; then: ";
        if (asked == Asked::charge) asked = Asked::again;
    }
    return unavailable(doubts + "no more is tried");
}

}  // namespace totp
