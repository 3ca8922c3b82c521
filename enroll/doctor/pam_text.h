// The text of a file in pam.d as lines and words, cut where libpam cuts them: up to 1.5. Since 1.6 a
// continued line ends where an empty one or a comment follows.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace totp {

/// What libpam takes for one line: comments and what is only blank left out, continued lines put together.
struct PamTextLine {
    int number;  ///< of the line in the file where it begins, from 1
    std::string text;
    bool ends_sooner_since_1_6 = false;
};

struct PamText {
    std::vector<PamTextLine> lines;
    std::optional<int> broken_at;  ///< here libpam gives the file up, and with it the service
};

PamText pam_text(std::string_view content);

/// The words of a line, one after the other. What stands in brackets is one word, without them.
class PamWords {
  public:
    explicit PamWords(std::string text) : rest_(std::move(text)) {}

    std::optional<std::string> next();

  private:
    std::string rest_;
};

}  // namespace totp
