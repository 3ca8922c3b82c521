#include "pam_module/fleet/addresses.h"

#include <array>
#include <memory>

#include <netdb.h>

namespace totp {
namespace {

/// What a thread of libc's fills in; never freed, for it may do so late.
struct Lookup {
    explicit Lookup(std::string name) : host(std::move(name)) {}

    std::string host;
    addrinfo hints{.ai_socktype = SOCK_STREAM};
    gaicb request{};
};

Failure failure_of(const std::string& host, const std::string& why) {
    return {Trouble::store, "the host " + host + " can't be found: " + why};
}

std::string text_of(const addrinfo& address) {
    std::array<char, NI_MAXHOST> text{};
    const bool is_written = getnameinfo(address.ai_addr, address.ai_addrlen, text.data(), text.size(),
                                        nullptr, 0, NI_NUMERICHOST) == 0;
    return is_written ? text.data() : "";
}

std::vector<std::string> texts_of(addrinfo* list) {
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(list, freeaddrinfo);
    std::vector<std::string> texts;
    for (const auto* address = list; address != nullptr; address = address->ai_next) {
        if (auto text = text_of(*address); !text.empty()) texts.push_back(std::move(text));
    }
    return texts;
}

/// EAI_INPROGRESS where there is no answer yet.
int wait_for(gaicb& request, const Deadline& deadline) {
    const gaicb* const list[] = {&request};
    for (;;) {
        const int error = gai_error(&request);
        if (error != EAI_INPROGRESS || deadline.is_over()) return error;
        const auto left = deadline.left();
        const timespec time{.tv_sec = left.count() / 1'000, .tv_nsec = left.count() % 1'000 * 1'000'000};
        static_cast<void>(gai_suspend(list, 1, &time));
    }
}

}  // namespace

Result<std::vector<std::string>> addresses_of(const std::string& host, const Deadline& deadline) {
    auto* lookup = new Lookup(host);
    lookup->request.ar_name = lookup->host.c_str();
    lookup->request.ar_request = &lookup->hints;
    gaicb* list[] = {&lookup->request};
    if (const int error = getaddrinfo_a(GAI_NOWAIT, list, 1, nullptr); error != 0)
        return failure_of(host, gai_strerror(error));
    const int error = wait_for(lookup->request, deadline);
    if (error == EAI_INPROGRESS) return failure_of(host, "no answer in time");
    const std::unique_ptr<Lookup> owned(lookup);
    if (error != 0) return failure_of(host, gai_strerror(error));
    auto texts = texts_of(lookup->request.ar_result);
    if (texts.empty()) return failure_of(host, "it has no address");
    return texts;
}

}  // namespace totp
