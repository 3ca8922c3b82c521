// A new device and its app are introduced to each other: the key is shown, as a picture and as text, and a
// code from the app says that it has it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/enrolment.h"
#include "core/login_state.h"
#include "core/policy.h"
#include "core/qr.h"
#include "enroll/secret_screen.h"

namespace totp {

/// A device that its person has.
struct Introduced {
    LoginState state;                 ///< to begin it with, alone; its code is spent there
    std::optional<SecretBytes> code;  ///< that it showed; nothing where none was asked for
};

class Introduction {
  public:
    /// `qr_word` is one of words_of_qr(). `is_json`: stdout is for JSON, what is shown goes to stderr.
    /// Fails where no QR code holds the key URI.
    static Result<Introduction> of(const Device& device, const KeyUri& key, std::string qr_word,
                                   bool is_json);

    const QrSymbol& symbol() const { return symbol_; }

    /// Shows the key; on a terminal, until a key is pressed. Throws Interrupted.
    void show() const;

    /// Shows the key and asks for the code that the app shows, three times at most; nothing if no right one
    /// came. Throws Interrupted.
    std::optional<Introduced> confirm(const Policy& policy) const;

  private:
    Introduction(Device device, KeyUri key, std::string qr_word, bool is_json, QrSymbol symbol);

    bool has_page(const Terminal& terminal) const { return terminal.can_show_secrets && !is_json_; }
    std::optional<Introduced> confirm_on_page(const Terminal& terminal, const Policy& policy) const;
    /// `message` stands in place of the greeting; `is_turned`: on a small terminal, the side with the
    /// picture.
    std::vector<SecretBytes> page(const Sentence& message, bool is_turned) const;
    SecretBytes text(const Terminal& terminal) const;
    void show_as_text(const Terminal& terminal) const;

    Device device_;
    KeyUri key_;
    std::string qr_word_;
    bool is_json_;
    QrSymbol symbol_;
};

}  // namespace totp
