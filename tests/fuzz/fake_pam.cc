#include "tests/fuzz/fake_pam.h"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <security/pam_ext.h>
#include <security/pam_modutil.h>
#include <unistd.h>

namespace {

std::string formatted(const char* format, va_list arguments) {
    char* text = nullptr;
    const int size = vasprintf(&text, format, arguments);
    if (size < 0) std::abort();
    std::string copy(text, static_cast<std::size_t>(size));
    std::free(text);
    return copy;
}

pam_handle::Freed copy_of(const char* text) {
    return {strdup(text), [](void* block) {
                explicit_bzero(block, std::strlen(static_cast<char*>(block)));
                std::free(block);
            }};
}

passwd* entry_for(pam_handle_t* pamh, const KnownAccount& account) {
    if (pamh->fails()) return nullptr;
    pamh->entry_name = account.name;
    pamh->entry.pw_name = pamh->entry_name.data();
    pamh->entry.pw_uid = account.uid;
    return &pamh->entry;
}

}  // namespace

pam_handle::~pam_handle() {
    for (auto& [name, datum] : data) {
        if (datum.second != nullptr) datum.second(this, datum.first, PAM_SUCCESS);
    }
}

std::optional<std::string> pam_handle::item(int type) const {
    const auto found = items.find(type);
    return found == items.end() ? std::nullopt : std::optional<std::string>(found->second.get());
}

void pam_handle::set_item(int type, const char* text) {
    items.erase(type);
    if (text != nullptr) items.emplace(type, copy_of(text));
}

bool pam_handle::fails() {
    if (calls_to_failure == 0 || --calls_to_failure > 0) return false;
    return has_failed = true;
}

extern "C" {

int pam_get_item(const pam_handle_t* pamh, int type, const void** item) {
    *item = nullptr;
    if (const_cast<pam_handle_t*>(pamh)->fails()) return PAM_BAD_ITEM;
    if (const auto found = pamh->items.find(type); found != pamh->items.end()) *item = found->second.get();
    return PAM_SUCCESS;
}

int pam_set_item(pam_handle_t* pamh, int type, const void* item) {
    if (pamh->fails()) return PAM_BUF_ERR;
    pamh->set_item(type, static_cast<const char*>(item));
    return PAM_SUCCESS;
}

int pam_get_user(pam_handle_t* pamh, const char** user, const char*) {
    const auto found = pamh->items.find(PAM_USER);
    if (pamh->fails() || found == pamh->items.end()) return PAM_CONV_ERR;
    *user = found->second.get();
    return PAM_SUCCESS;
}

int pam_set_data(pam_handle_t* pamh, const char* name, void* datum,
                 void (*cleanup)(pam_handle_t*, void*, int)) {
    if (pamh->fails()) return PAM_BUF_ERR;
    const auto [place, is_new] = pamh->data.try_emplace(name, datum, cleanup);
    if (is_new) return PAM_SUCCESS;
    const auto before = std::exchange(place->second, {datum, cleanup});
    if (before.second != nullptr) before.second(pamh, before.first, PAM_DATA_REPLACE | PAM_SUCCESS);
    return PAM_SUCCESS;
}

int pam_get_data(const pam_handle_t* pamh, const char* name, const void** datum) {
    const auto found = pamh->data.find(name);
    if (const_cast<pam_handle_t*>(pamh)->fails() || found == pamh->data.end()) return PAM_NO_MODULE_DATA;
    *datum = found->second.first;
    return PAM_SUCCESS;
}

int pam_putenv(pam_handle_t* pamh, const char* variable) {
    if (pamh->fails()) return PAM_BUF_ERR;
    const std::string text(variable);
    const auto equals = text.find('=');
    if (equals == std::string::npos) return pamh->environment.erase(text) == 1 ? PAM_SUCCESS : PAM_BAD_ITEM;
    pamh->environment[text.substr(0, equals)] = text.substr(equals + 1);
    return PAM_SUCCESS;
}

const char* pam_getenv(pam_handle_t* pamh, const char* name) {
    const auto found = pamh->environment.find(name);
    return found == pamh->environment.end() ? nullptr : found->second.c_str();
}

int pam_prompt(pam_handle_t* pamh, int style, char** response, const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    static_cast<void>(formatted(format, arguments));
    va_end(arguments);
    if (pamh->fails()) return PAM_CONV_ERR;
    if (style != PAM_PROMPT_ECHO_OFF && style != PAM_PROMPT_ECHO_ON) return PAM_SUCCESS;
    const auto reply = pamh->reply();
    *response = reply.text ? strdup(reply.text->c_str()) : nullptr;
    return reply.code;
}

void pam_syslog(const pam_handle_t* pamh, int, const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const_cast<pam_handle_t*>(pamh)->log.push_back(formatted(format, arguments));
    va_end(arguments);
}

int pam_modutil_audit_write(pam_handle_t* pamh, int, const char*, int) {
    return pamh->fails() ? PAM_SYSTEM_ERR : PAM_SUCCESS;
}

passwd* pam_modutil_getpwnam(pam_handle_t* pamh, const char* user) {
    const auto account = account_named(user);
    return account ? entry_for(pamh, *account) : nullptr;
}

passwd* pam_modutil_getpwuid(pam_handle_t* pamh, uid_t uid) {
    const auto account = account_named("alice");
    return account->uid == uid ? entry_for(pamh, *account) : nullptr;
}
}
