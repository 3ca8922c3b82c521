#include "pam_module/fleet/order_loop.h"

#include <poll.h>
#include <unistd.h>

#include "pam_module/fleet/orders.h"

namespace totp {
namespace {

constexpr unsigned seconds_to_end = 40;  // more than any order's deadline may be

/// Whether there is something to read, or the end, before that time is over.
bool is_ready(int milliseconds) {
    pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
    return poll(&input, 1, milliseconds) != 0;
}

/// What comes up to an end; nothing at the end of all.
std::optional<SecretBytes> next_message(Obeying& obeying) {
    constexpr int milliseconds_to_rest = 2'000;
    SecretBytes message;
    SecretBytes part(longest_order);
    while (!message.text().ends_with(end_of_message) && message.size() <= longest_order) {
        if (!is_ready(milliseconds_to_rest)) obeying.rest();
        const auto count = read(STDIN_FILENO, part.data(), part.size());
        if (count <= 0) break;
        message.append(part.text().substr(0, static_cast<std::size_t>(count)));
    }
    return message.empty() ? std::nullopt : std::optional(std::move(message));
}

bool answer(const Result<Values>& facts) {
    const auto text = format_facts(facts);
    return write(STDOUT_FILENO, text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

}  // namespace

int answer_orders(Obeying& obeying) {
    while (const auto message = next_message(obeying)) {
        const auto order = parse_order(message->text());
        if (!order) return answer(unusable("the order makes no sense")) ? 0 : 1;
        alarm(seconds_to_end);
        if (!answer(obeying.obey(*order))) return 1;
        alarm(0);
    }
    return 0;
}

}  // namespace totp
