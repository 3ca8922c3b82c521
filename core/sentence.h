// What people read: whole sentences with places for values. They stand in the source in English; catalogues
// (po/) have them in other languages. Who gives a sentence away says which it is to be: english() for log
// lines, JSON and whatever scripts read, translated() for a person.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace totp {

class Sentence {
  public:
    Sentence() = default;

    /// Words that are the same in every language: a name, a path, a moment, a number.
    template <std::convertible_to<std::string_view> Words>
    Sentence(const Words& words) : words_(std::string_view(words)) {}
    template <std::integral Number>
    Sentence(Number number) : words_(std::to_string(number)) {}

    /// The system's word for an errno value: "No space left on device".
    static Sentence of_error(int error_number);

    std::string english() const;

    /// In the language that the process, or its thread, has set for LC_MESSAGES, as far as a catalogue has
    /// it: a translation without one of the values, or with others, is passed over. Sets no locale; may be
    /// called by several threads at once; leaves errno alone.
    std::string translated() const;

    bool empty() const { return one_ == nullptr && words_.empty(); }

  private:
    friend Sentence tr(const char*, std::initializer_list<Sentence>);
    friend Sentence tr_n(const char*, const char*, std::int64_t, std::initializer_list<Sentence>);

    const char* domain_ = nullptr;
    const char* one_ = nullptr;   ///< what catalogues have it under; nullptr: `words_` are all
    const char* many_ = nullptr;  ///< where there is a number in it: for all numbers but 1
    std::int64_t count_ = 0;
    std::string words_;
    std::vector<Sentence> values_;
};

/// A sentence that can be translated. `english` is a literal, which po/update finds by the name of this
/// function; %1 to %9 in it stand for `values`, in whatever order a language needs them. A value is put in as
/// it is: what looks like a place in it is none.
Sentence tr(const char* english, std::initializer_list<Sentence> values = {});

/// One that changes with a number: `one` for 1, `many` for all others; languages may have more forms. %1 is
/// `count`, and may be left out where the words say it; `values` begin at %2.
Sentence tr_n(const char* one, const char* many, std::int64_t count,
              std::initializer_list<Sentence> values = {});

}  // namespace totp
