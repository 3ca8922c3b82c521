#include "core/verdict.h"

namespace totp {
namespace {

template <class Word>
std::optional<Word> named(std::string_view word, Word last) {
    for (int i = 0; i <= static_cast<int>(last); ++i) {
        if (word_for(static_cast<Word>(i)) == word) return static_cast<Word>(i);
    }
    return std::nullopt;
}

}  // namespace

std::string_view word_for(Verdict verdict) {
    switch (verdict) {
        case Verdict::accepted: return "accepted";
        case Verdict::refused: return "refused";
        case Verdict::throttled: return "throttled";
        case Verdict::ignored: return "ignored";
        case Verdict::unavailable: return "unavailable";
    }
    return "";
}

std::string_view word_for(Reason reason) {
    switch (reason) {
        case Reason::none: return "";
        case Reason::wrong: return "wrong";
        case Reason::replayed: return "replayed";
        case Reason::malformed: return "malformed";
        case Reason::password: return "password";
        case Reason::dummy: return "dummy";
        case Reason::unenrolled: return "unenrolled";
        case Reason::unknown_user: return "unknown_user";
        case Reason::store: return "store";
        case Reason::key: return "key";
        case Reason::settings: return "settings";
    }
    return "";
}

std::optional<Verdict> verdict_named(std::string_view word) { return named(word, Verdict::unavailable); }

std::optional<Reason> reason_named(std::string_view word) { return named(word, Reason::settings); }

}  // namespace totp
