// A PAM for the module alone: one handle, whose items and answers a target chooses and whose calls fail on
// demand. What the module says is kept.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <pwd.h>
#include <security/pam_modules.h>

/// What the application does at a prompt.
struct Reply {
    int code = PAM_CONV_ERR;
    std::optional<std::string> text;  ///< nothing: no answer, whatever the code
};

/// The account data base knows alice in any case, and under their own name all who begin with a 'b'.
struct KnownAccount {
    std::string name;
    uid_t uid = 0;
};
std::optional<KnownAccount> account_named(const std::string& user);

/// libpam calls it that.
struct pam_handle {
    pam_handle() = default;
    pam_handle(const pam_handle&) = delete;
    pam_handle& operator=(const pam_handle&) = delete;
    ~pam_handle();

    using Freed = std::unique_ptr<char, void (*)(void*)>;
    using Datum = std::pair<void*, void (*)(pam_handle*, void*, int)>;

    /// The item as text; nothing where it isn't set.
    std::optional<std::string> item(int type) const;
    /// Wipes what there was before, as libpam does.
    void set_item(int type, const char* text);
    /// Whether this call fails.
    bool fails();

    std::function<Reply()> reply;
    int calls_to_failure = 0;  ///< 1: the next one; 0: none
    bool has_failed = false;
    std::map<int, Freed> items;
    std::map<std::string, Datum> data;
    std::map<std::string, std::string> environment;
    std::vector<std::string> log;
    passwd entry{};
    std::string entry_name;
};
