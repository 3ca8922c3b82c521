#include "enroll/foreign/google_authenticator_file.h"

#include <algorithm>
#include <optional>

#include "core/base32.h"
#include "core/decimal.h"
#include "core/percent.h"
#include "enroll/foreign/lines.h"

namespace totp {
namespace {

constexpr std::string_view option_mark = "\" ";
constexpr std::size_t longest_secret = 128;
constexpr int widest_shift = 1'500;  // steps, as far as the program looks for a clock that is off

using Words = std::vector<std::string_view>;
using Complaint = std::optional<Sentence>;

/// As the program reads it: what people mistake for another symbol is that one, and a last symbol that
/// completes no octet is dropped.
std::optional<SecretBytes> secret_in(std::string_view line) {
    SecretBytes symbols;
    for (char c : line) {
        if (c == ' ' || c == '\t' || c == '-' || c == '=') continue;
        if (c == '0') c = 'O';
        if (c == '1') c = 'L';
        if (c == '8') c = 'B';
        if (!is_alphanumeric(c)) return std::nullopt;
        symbols.append({&c, 1});
    }
    const auto left_over = symbols.size() % 8;
    if (left_over == 1 || left_over == 3 || left_over == 6) symbols.resize(symbols.size() - 1);
    return base32_decode(symbols.text());
}

bool read_step(std::string_view text, Counter& step) {
    return read_decimal(text, Counter{0}, highest_foreign_counter, step);
}

/// One file as it is met, line by line.
class File {
  public:
    Complaint take(const Line& line);
    Result<ForeignDevice> finish() &&;

  private:
    Complaint take_secret(std::string_view line);
    Complaint take_option(std::string_view line);
    Complaint take_recovery_code(std::string_view line);

    Complaint take_totp(const Words& values);
    Complaint take_counter(const Words& values);
    Complaint take_step_size(const Words& values);
    Complaint take_window(const Words& values);
    Complaint take_used_steps(const Words& values);
    Complaint take_time_skew(const Words& values);
    Complaint take_rate_limit(const Words& values);
    Complaint take_resetting(const Words& values);
    Complaint take_remembered_host(const Words& values);

    void describe_differences();

    ForeignDevice device_;
    std::vector<std::string> seen_;
    bool has_totp_ = false;
    bool has_used_steps_ = false;
    bool has_rate_limit_ = false;
    bool has_remembered_host_ = false;
    Counter counter_ = 0;  // 0: none
    Counter next_step_ = 0;
    int window_ = 0;  // 0: not said
};

Complaint File::take(const Line& line) {
    if (line.number == 1) return take_secret(line.text);
    if (line.text.empty()) return std::nullopt;
    if (line.text.starts_with(option_mark)) return take_option(line.text.substr(option_mark.size()));
    return take_recovery_code(line.text);
}

Complaint File::take_secret(std::string_view line) {
    auto secret = secret_in(line);
    if (!secret || secret->empty() || secret->size() > longest_secret) {
        return tr("it isn't a secret of 1 to 128 bytes in base 32");
    }
    device_.credential.secret = *std::move(secret);
    return std::nullopt;
}

Complaint File::take_option(std::string_view line) {
    static constexpr std::pair<std::string_view, Complaint (File::*)(const Words&)> options[] = {
        {"TOTP_AUTH", &File::take_totp},
        {"HOTP_COUNTER", &File::take_counter},
        {"STEP_SIZE", &File::take_step_size},
        {"WINDOW_SIZE", &File::take_window},
        {"DISALLOW_REUSE", &File::take_used_steps},
        {"TIME_SKEW", &File::take_time_skew},
        {"RATE_LIMIT", &File::take_rate_limit},
        {"RESETTING_TIME_SKEW", &File::take_resetting},
    };
    auto values = words_of(line);
    const std::string name(values.empty() ? "" : values.front());
    if (!values.empty()) values.erase(values.begin());
    if (std::ranges::find(seen_, name) != seen_.end()) return tr("%1 is there twice", {printable(name)});
    seen_.push_back(name);
    for (const auto& [known, take] : options) {
        if (name == known) return (this->*take)(values);
    }
    if (name.size() == 5 && name.starts_with("LAST") && name[4] >= '0' && name[4] <= '9')
        return take_remembered_host(values);
    return tr("the option %1 isn't known", {printable(name)});
}

/// One that is used is taken out of the file, so those that stand there aren't.
Complaint File::take_recovery_code(std::string_view line) {
    auto digits = normalized_recovery_digits(line);
    if (!digits || digits->text() != line || line.front() == '0') {
        return tr("it is neither an option nor a code of eight digits");
    }
    if (std::ranges::find(device_.recovery_digits, *digits) == device_.recovery_digits.end())
        device_.recovery_digits.push_back(*std::move(digits));
    return std::nullopt;
}

Complaint File::take_totp(const Words&) {
    has_totp_ = true;
    return std::nullopt;
}

Complaint File::take_counter(const Words& values) {
    if (values.size() == 1 && read_step(values[0], counter_)) return std::nullopt;
    return tr("the HOTP_COUNTER isn't a number of at most 15 digits");
}

Complaint File::take_step_size(const Words& values) {
    if (values.size() == 1 && read_decimal(values[0], 1, 60, device_.credential.period)) return std::nullopt;
    return tr("the STEP_SIZE isn't 1 to 60 seconds");
}

Complaint File::take_window(const Words& values) {
    if (values.size() == 1 && read_decimal(values[0], 1, 100, window_)) return std::nullopt;
    return tr("the WINDOW_SIZE isn't 1 to 100");
}

Complaint File::take_used_steps(const Words& values) {
    has_used_steps_ = true;
    for (const auto value : values) {
        Counter step = 0;
        if (!read_step(value, step)) return tr("the DISALLOW_REUSE lists what isn't a time step");
        next_step_ = std::max(next_step_, step + 1);
    }
    return std::nullopt;
}

Complaint File::take_time_skew(const Words& values) {
    if (values.size() == 1 && read_decimal(values[0], -widest_shift, widest_shift, device_.drift))
        return std::nullopt;
    return tr("the TIME_SKEW isn't a number of at most 1500 steps");
}

Complaint File::take_rate_limit(const Words& values) {
    int tries = 0;
    int seconds = 0;
    if (values.size() < 2 || !read_decimal(values[0], 1, 100, tries) ||
        !read_decimal(values[1], 1, 3'600, seconds))
        return tr("the RATE_LIMIT isn't 1 to 100 tries in 1 to 3600 seconds");
    has_rate_limit_ = true;
    device_.not_taken.push_back(
        tr("RATE_LIMIT of %1 in %2 s: here free_failures, delay and budget count", {tries, seconds}));
    return std::nullopt;
}

/// Left behind where three codes in a row didn't come.
Complaint File::take_resetting(const Words& values) {
    if (!values.empty())
        device_.not_taken.push_back(tr("RESETTING_TIME_SKEW: two codes in a row do that here, begun anew"));
    return std::nullopt;
}

Complaint File::take_remembered_host(const Words&) {
    if (!has_remembered_host_)
        device_.not_taken.push_back(tr("hosts that need no code (LAST): here remember counts"));
    has_remembered_host_ = true;
    return std::nullopt;
}

void File::describe_differences() {
    const bool is_totp = device_.credential.type == CredentialType::totp;
    if (window_ > 0) {
        device_.not_taken.push_back(
            tr("WINDOW_SIZE of %1: here %2 counts", {window_, is_totp ? "window" : "hotp_look_ahead"}));
    }
    if (is_totp && !has_used_steps_) device_.stricter.push_back(tr("a code lets in once"));
    if (!has_rate_limit_) device_.stricter.push_back(tr("wrong codes make the account wait"));
    note_short_secret(device_);
}

Result<ForeignDevice> File::finish() && {
    if (device_.credential.secret.empty()) return wrong_line(1, tr("there is no secret"));
    if (counter_ == 0 && !has_totp_) {
        return input_failure(
            tr("has neither TOTP_AUTH nor a HOTP_COUNTER above 0: no code of a device lets in"));
    }
    if (counter_ > 0) {
        device_.credential.type = CredentialType::hotp;
        device_.credential.period = Credential{}.period;
        device_.credential.counter = counter_;
        device_.drift = 0;
        device_.next = counter_;
    } else {
        device_.next = next_step_;
    }
    describe_differences();
    return std::move(device_);
}

std::string used_steps_before(Counter next) {
    constexpr Counter as_many_as_a_window = 3;
    std::string steps;
    for (auto step = next - std::min(next, as_many_as_a_window); step < next; ++step) {
        steps += " " + std::to_string(step);
    }
    return steps;
}

}  // namespace

Result<ForeignDevice> parse_google_authenticator_file(std::string_view text) {
    File file;
    for (const auto& line : lines_of(text)) {
        if (const auto complaint = file.take(line)) return wrong_line(line.number, *complaint);
    }
    return std::move(file).finish();
}

Result<SecretBytes> format_google_authenticator_file(const Credential& credential, const DeviceState& state) {
    const bool is_totp = credential.type == CredentialType::totp;
    if (credential.digits != 6 || credential.algorithm != Algorithm::sha1 ||
        (is_totp && credential.period > 60)) {
        return input_failure(
            tr("can't be written in this format, which has 6 digits, SHA1 and a period of 1 to 60 s"));
    }
    SecretBytes text(base32_encode(credential.secret.octets()).text());
    const auto next = state.next.value();
    if (is_totp) {
        text.append("\n\" RATE_LIMIT 3 30\n\" DISALLOW_REUSE" + used_steps_before(next) + "\n\" TOTP_AUTH\n");
        if (credential.period != Credential{}.period)
            text.append("\" STEP_SIZE " + std::to_string(credential.period) + "\n");
        if (state.drift != 0) text.append("\" TIME_SKEW " + std::to_string(state.drift) + "\n");
    } else {
        text.append("\n\" RATE_LIMIT 3 30\n\" HOTP_COUNTER " + std::to_string(std::max<Counter>(next, 1)) +
                    "\n");
    }
    return text;
}

}  // namespace totp
