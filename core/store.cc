#include "core/store.h"

#include "core/percent.h"

namespace totp {

std::optional<std::string> record_name(std::string_view user) {
    constexpr std::size_t longest_file_name = 255;
    auto name = percent_encode(
        user, [](char c) { return is_alphanumeric(c) || c == '_' || c == '.' || c == '@' || c == '-'; });
    if (name.starts_with('.')) name.replace(0, 1, "%2E");
    if (name.empty() || name.size() > longest_file_name) return std::nullopt;
    return name;
}

}  // namespace totp
