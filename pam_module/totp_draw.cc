// Draws the QR code of a key, for a login at which somebody enrols: the host process loads no library for it,
// and what it leaves behind in memory is gone with it. No privilege, no options.
//
//     stdin     STYLE NEWLINE TEXT     STYLE is utf8, utf8-light or ascii
//     stdout    the rows, each with a NEWLINE; nothing if it can't be drawn
#include <exception>

#include <unistd.h>

#include "core/descriptor.h"
#include "core/qr.h"

namespace {

using namespace totp;

constexpr std::size_t longest_request = 4'096;

/// The picture as one text; empty if there is none.
SecretBytes picture_of(std::string_view request) {
    const auto end = request.find('\n');
    const auto style = uncoloured_style_named(request.substr(0, end));
    if (!style || end == std::string_view::npos) return {};
    const auto symbol = encode_qr(request.substr(end + 1));
    if (!symbol) return {};
    return text_of(draw_qr(*symbol, *style));
}

}  // namespace

int main() {
    try {
        const Descriptor input(dup(STDIN_FILENO));
        SecretBytes request;
        if (!input || read_whole(input, longest_request, request) != 0) return 1;
        const auto picture = picture_of(request.text());
        const auto written = write(STDOUT_FILENO, picture.data(), picture.size());
        return !picture.empty() && written == static_cast<ssize_t>(picture.size()) ? 0 : 1;
    } catch (const std::exception&) {
        return 1;
    }
}
