#include "enroll/doctor/sshd_settings.h"

#include <algorithm>
#include <map>

#include "core/decimal.h"
#include "enroll/doctor/small_letters.h"
#include "enroll/doctor/sshd_text.h"

namespace totp {
namespace {

/// The first lines as one sentence, fit for a terminal.
std::string in_one_line(std::string_view output) {
    constexpr std::size_t longest_sentence = 400;
    std::string sentence;
    for (const char c : output.substr(0, longest_sentence)) {
        const bool is_end_of_line = c == '\r' || c == '\n';
        if (is_end_of_line && !sentence.empty() && !sentence.ends_with("; ")) sentence += "; ";
        if (!is_end_of_line) sentence += c >= ' ' && c <= '~' ? c : '?';
    }
    if (sentence.ends_with("; ")) sentence.resize(sentence.size() - 2);
    return sentence;
}

/// What each keyword has behind it, in the first line that begins with it and in all.
class Dump {
  public:
    explicit Dump(std::string_view output) {
        for (auto& line : sshd_text(output)) {
            auto& all = in_all_lines_[line.keyword];
            all.insert(all.end(), line.arguments.begin(), line.arguments.end());
            values_.emplace(line.keyword, std::move(line.arguments));
        }
    }

    bool has(const std::string& keyword) const { return values_.contains(keyword); }
    std::vector<std::string> words(const std::string& keyword) const {
        const auto found = values_.find(keyword);
        return found == values_.end() ? std::vector<std::string>() : found->second;
    }
    std::string word(const std::string& keyword) const {
        const auto found = words(keyword);
        return found.empty() ? "" : found.front();
    }
    std::vector<std::string> words_of_all_lines(const std::string& keyword) const {
        const auto found = in_all_lines_.find(keyword);
        return found == in_all_lines_.end() ? std::vector<std::string>() : found->second;
    }
    bool is_on(const std::string& keyword) const { return word(keyword) == "yes"; }
    bool is_given(const std::string& keyword) const { return has(keyword) && word(keyword) != "none"; }
    int number(const std::string& keyword) const {
        const auto found = values_.find(keyword);
        if (found == values_.end() || found->second.empty()) return 0;
        return parse_decimal<int>(found->second.front()).value_or(0);
    }

  private:
    std::map<std::string, std::vector<std::string>> values_;
    std::map<std::string, std::vector<std::string>> in_all_lines_;
};

std::string root_login_of(const Dump& dump) {
    auto word = dump.word("permitrootlogin");
    return word == "without-password" ? "prohibit-password" : word;
}

std::vector<std::string> methods_of(const Dump& dump) {
    auto methods = dump.words("authenticationmethods");
    if (methods.size() == 1 && methods.front() == "any") methods.clear();
    return methods;
}

}  // namespace

Result<SshdSettings> parse_sshd_settings(std::string_view output) {
    const Dump dump(output);
    if (!dump.has("usepam") && !dump.has("pubkeyauthentication"))
        return Failure{Trouble::settings, in_one_line(output)};
    SshdSettings settings;
    settings.use_pam = dump.is_on("usepam");
    settings.keyboard_interactive =
        dump.is_on("kbdinteractiveauthentication") || dump.is_on("challengeresponseauthentication");
    settings.password = dump.is_on("passwordauthentication");
    settings.public_key = dump.is_on("pubkeyauthentication") &&
                          (dump.is_given("authorizedkeysfile") || dump.is_given("authorizedkeyscommand") ||
                           dump.is_given("trustedusercakeys"));
    settings.kerberos = dump.is_on("kerberosauthentication");
    settings.gssapi = dump.is_on("gssapiauthentication");
    settings.hostbased = dump.is_on("hostbasedauthentication");
    settings.empty_passwords = dump.is_on("permitemptypasswords");
    settings.root_login = root_login_of(dump);
    settings.methods = methods_of(dump);
    settings.allowed_users = dump.words_of_all_lines("allowusers");
    settings.denied_users = dump.words_of_all_lines("denyusers");
    settings.allowed_groups = dump.words_of_all_lines("allowgroups");
    settings.denied_groups = dump.words_of_all_lines("denygroups");
    settings.grace_time = dump.number("logingracetime");
    settings.max_tries = dump.number("maxauthtries");
    if (dump.has("pamservicename")) settings.pam_service = in_small_letters(dump.word("pamservicename"));
    return settings;
}

FileLine place_in_complaint(std::string_view complaint) {
    constexpr std::string_view mark = " line ";
    const auto at = complaint.find(mark);
    if (!complaint.starts_with('/') || at == std::string_view::npos) return {};
    auto file = complaint.substr(0, at);
    if (file.ends_with(':')) file.remove_suffix(1);
    const auto digits = complaint.substr(at + mark.size());
    const auto end = std::min(digits.find_first_not_of("0123456789"), digits.size());
    const auto number = parse_decimal<int>(digits.substr(0, end));
    return number ? FileLine{std::string(file), *number} : FileLine{};
}

}  // namespace totp
