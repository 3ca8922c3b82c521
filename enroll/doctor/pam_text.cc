#include "enroll/doctor/pam_text.h"

#include <algorithm>

namespace totp {
namespace {

constexpr std::string_view blanks = " \n\t";
constexpr std::size_t buffer_size = 1024;  // libpam's, for one line with all its continuations

/// As fgets(3) takes them: at most `most` bytes, no further than the end of the line.
std::string_view take_piece(std::string_view& rest, std::size_t most) {
    const auto end = rest.find('\n');
    const auto size = std::min({end == std::string_view::npos ? rest.size() : end + 1, most, rest.size()});
    const auto piece = rest.substr(0, size);
    rest.remove_prefix(size);
    return piece;
}

/// Puts one line together from the pieces it is continued in.
class LineAssembler {
  public:
    explicit LineAssembler(std::string_view content) : rest_(content) {}

    PamText all() {
        PamText text;
        while (!is_over_) {
            PamTextLine line{.number = 0, .text = ""};
            if (assemble(line)) text.lines.push_back(std::move(line));
        }
        if (is_broken_) text.broken_at = number_;
        return text;
    }

  private:
    bool assemble(PamTextLine& line) {
        while (true) {
            const auto room = buffer_size - std::min(line.text.size(), buffer_size);
            if (room <= 1 || (rest_.empty() && line.number != 0)) return give_up();
            if (rest_.empty()) {
                is_over_ = true;
                return false;
            }
            const int number = number_;
            auto piece = take_piece(rest_, room - 1);
            if (piece.ends_with('\n')) ++number_;
            piece = piece.substr(0, piece.find('\0'));
            const auto start = piece.find_first_not_of(blanks);
            if (start == std::string_view::npos || piece[start] == '#') {
                line.ends_sooner_since_1_6 = line.number != 0;
                continue;
            }
            if (line.number == 0) line.number = number;
            if (!append(piece, line.text)) return true;
        }
    }
    /// Whether the line goes on after this piece.
    static bool append(std::string_view piece, std::string& text) {
        const auto comment = piece.find('#');
        const auto last = piece.find_last_not_of(blanks);
        const bool goes_on = comment == std::string_view::npos && piece[last] == '\\';
        text += goes_on ? piece.substr(0, last) : piece.substr(0, comment);
        if (goes_on) text += ' ';
        return goes_on;
    }
    bool give_up() {
        is_over_ = is_broken_ = true;
        return false;
    }

    std::string_view rest_;
    int number_ = 1;
    bool is_over_ = false;
    bool is_broken_ = false;
};

/// Takes what stands in brackets off `rest`, which begins with one: to the first `]` that isn't `\]`.
std::string take_bracketed(std::string& rest) {
    std::string word;
    std::size_t at = 1;
    for (; at < rest.size() && rest[at] != ']'; ++at) {
        if (rest[at] == '\\' && at + 1 < rest.size() && rest[at + 1] == ']') ++at;
        word += rest[at];
    }
    rest.erase(0, at + 1);
    return word;
}

}  // namespace

PamText pam_text(std::string_view content) { return LineAssembler(content).all(); }

std::optional<std::string> PamWords::next() {
    rest_.erase(0, rest_.find_first_not_of(blanks));
    if (rest_.empty()) return std::nullopt;
    if (rest_.front() == '[') return take_bracketed(rest_);
    const auto end = std::min(rest_.find_first_of(blanks), rest_.size());
    auto word = rest_.substr(0, end);
    rest_.erase(0, end + 1);
    return word;
}

}  // namespace totp
