#include "enroll/doctor/pam_stack.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/descriptor.h"
#include "core/percent.h"
#include "enroll/doctor/pam_text.h"
#include "enroll/doctor/small_letters.h"

namespace totp {
namespace {

constexpr const char* other = "other";
constexpr int deepest_substack = 16;  // libpam's
constexpr int deepest_include = 64;   // no file takes itself in and is still read
constexpr std::size_t longest_stack = 10'000;
constexpr std::size_t longest_file = 1'048'576;

using Stacks = std::array<Stack, phase_count>;

/// A file as libpam reads it: what can be opened but not read, as a directory, holds nothing.
std::optional<std::string> content_of(const std::string& path, std::vector<std::string>& unreadable) {
    const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    if (!file) {
        if (errno == EACCES) unreadable.push_back(path);
        return std::nullopt;
    }
    SecretBytes content;
    if (read_whole(file, longest_file, content) != 0) return "";
    return std::string(content.text());
}

bool is_directory(const std::string& path) {
    struct stat status {};
    return stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

std::optional<Phase> phase_named(std::string_view word) {
    for (const auto phase : {Phase::auth, Phase::account, Phase::password, Phase::session}) {
        if (is_same_word(word, name_of(phase))) return phase;
    }
    return std::nullopt;
}

/// To libpam the carriage return is part of the last word.
bool ends_in_return(std::string_view line) {
    const auto last = line.find_last_not_of(" \n\t");
    return last != std::string_view::npos && line[last] == '\r';
}

/// Reads files into stacks. What is false here is what libpam gives a file up for; whoever took the file in
/// decides what comes of it.
class Reader {
  public:
    Reader(const PamPlaces& places, std::string service, ServiceStacks& read)
        : places_(places), service_(std::move(service)), read_(read) {}

    void read() {
        if (std::ranges::none_of(places_.services, is_directory)) {
            read_single_file();
        } else {
            read_directories();
        }
        for (std::size_t i = 0; i < phase_count; ++i) {
            read_.is_of_other[i] = of_service_[i].empty();
            read_.phases[i] = std::move(read_.is_of_other[i] ? of_other_[i] : of_service_[i]);
        }
    }

  private:
    struct File {
        std::string path;
        std::optional<Phase> only;  ///< taken in for one phase: lines of others don't count
        int level = 0;
        int depth = 0;
        bool names_services = false;  ///< each line begins with one
    };
    struct Line {
        FileLine place;
        PamWords words;
    };

    void read_directories() {
        const auto own = find(places_.services, service_);
        read_.has_file = own.has_value();
        bool is_whole = !own || parse({*own}, *content_, is_other(service_) ? of_other_ : of_service_);
        const auto fallback = find(places_.services, other);
        if (is_whole && fallback) is_whole = parse({*fallback}, *content_, of_other_);
        if (!own && !fallback) {
            trouble_ = {{service_, 0}, tr("there is no file for %1, and none for `other`", {service_})};
            is_whole = false;
        }
        if (!is_whole) read_.broken = trouble_;
    }
    void read_single_file() {
        const auto content = content_of(places_.single_file, read_.unreadable);
        File file{places_.single_file};
        file.names_services = true;
        if (!content) trouble_ = {{file.path, 0}, tr("there are no PAM settings at all")};
        read_.has_file = content.has_value();
        if (!content || !parse(file, *content, of_service_)) read_.broken = trouble_;
    }

    static bool is_other(std::string_view service) { return is_same_word(service, other); }
    bool give_up(FileLine place, Sentence complaint) {
        trouble_ = {std::move(place), std::move(complaint)};
        return false;
    }

    /// The path of the file that counts; its content is in content_.
    std::optional<std::string> find(const std::vector<std::string>& directories, const std::string& name) {
        for (const auto& directory : directories) {
            auto path = directory;
            path.append("/").append(name);
            content_ = content_of(path, read_.unreadable);
            if (content_) return path;
        }
        return std::nullopt;
    }

    bool parse(const File& file, const std::string& content, Stacks& into) {
        const auto text = pam_text(content);
        for (const auto& [number, line_text, ends_sooner] : text.lines) {
            Line line{{file.path, number}, PamWords(line_text)};
            if (file.depth == 0) in_service_ = line.place;
            auto* stacks = &into;
            if (file.names_services) {
                const auto service = line.words.next().value_or("");
                if (!is_other(service) && !is_same_word(service, service_)) continue;
                if (is_other(service)) stacks = &of_other_;
            }
            if (ends_sooner && std::ranges::count(read_.ending_sooner, line.place) == 0)
                read_.ending_sooner.push_back(line.place);
            if (ends_in_return(line_text) && std::ranges::count(read_.with_returns, file.path) == 0)
                read_.with_returns.push_back(file.path);
            if (!take(file, line, *stacks)) return false;
        }
        if (!text.broken_at) return true;
        return give_up(
            {file.path, *text.broken_at},
            tr("the file ends in a line that is to be continued (\\), or one with what continues it is "
               "longer than 1,023 bytes"));
    }

    bool take(const File& file, Line& line, Stacks& into) {
        StackLine entry;
        entry.place = line.place;
        entry.in_service = in_service_;
        entry.level = file.level;
        auto type = line.words.next();
        if (type && type->starts_with('-')) {
            entry.is_silent = true;
            type->erase(0, 1);
        }
        if (type && places_.knows_at_include && is_same_word(*type, "@include"))
            return take_in(file, line, file.only, false, into, entry);
        const auto phase = type ? phase_named(*type) : std::nullopt;
        if (!phase) {
            complain(entry, tr("the line begins with %1 in place of auth, account, password or session",
                               {printable(type.value_or(""))}));
        }
        const auto counts_for = phase.value_or(file.only.value_or(Phase::auth));
        if (file.only && *file.only != counts_for) return true;
        return take_control(file, line, counts_for, into, entry);
    }
    bool take_control(const File& file, Line& line, Phase phase, Stacks& into, StackLine& entry) {
        const auto control = line.words.next();
        const bool is_substack = control && is_same_word(*control, "substack");
        if (is_substack || (control && is_same_word(*control, "include")))
            return take_in(file, line, phase, is_substack, into, entry);
        if (!control) complain(entry, tr("the line has no control value, as `required`"));
        entry.control = parse_control(control.value_or(""));
        const auto module = line.words.next();
        if (!module) complain(entry, tr("the line names no module"));
        entry.module = module.value_or("");
        for (auto word = line.words.next(); word; word = line.words.next())
            entry.arguments.push_back(*std::move(word));
        return add(phase, into, std::move(entry));
    }

    /// `phase` is nothing for an `@include` that takes a file in for all of them.
    bool take_in(const File& file, Line& line, std::optional<Phase> phase, bool is_substack, Stacks& into,
                 StackLine& entry) {
        const auto name = line.words.next();
        if (!name)  // Debian's libpam crashes at it
            return give_up(line.place, tr("the line takes in a file but doesn't say which"));
        if (is_substack) {
            auto marker = entry;
            marker.kind = StackLine::Kind::substack;
            marker.module = *name;
            if (!add(*phase, into, std::move(marker))) return false;
        }
        File taken{"", phase, file.level + (is_substack ? 1 : 0), file.depth + 1};
        if (parse_named(taken, *name, into)) return true;
        const auto complaint = tr("the line takes in %1, which isn't there or is broken", {printable(*name)});
        if (!phase) return give_up(line.place, complaint);
        complain(entry, complaint);
        return add(*phase, into, std::move(entry));
    }
    bool parse_named(File& file, const std::string& name, Stacks& into) {
        if (file.level >= deepest_substack || file.depth >= deepest_include) return false;
        if (name.starts_with('/')) {
            file.path = name;
            content_ = content_of(name, read_.unreadable);
        } else {
            file.path = find(places_.includes, name).value_or("");
        }
        if (!content_) return false;
        read_.taken_in.insert(file.path);
        const auto content = *content_;
        return parse(file, content, into);
    }

    static void complain(StackLine& entry, const Sentence& complaint) {
        entry.kind = StackLine::Kind::must_fail;
        if (entry.complaint.empty()) entry.complaint = complaint;
    }
    bool add(Phase phase, Stacks& into, StackLine entry) {
        auto& stack = into[static_cast<std::size_t>(phase)];
        if (stack.size() == longest_stack)
            return give_up(entry.place, tr("with all that is taken in there are more than 10,000 lines"));
        stack.push_back(std::move(entry));
        return true;
    }

    const PamPlaces& places_;
    const std::string service_;
    ServiceStacks& read_;
    Stacks of_service_;
    Stacks of_other_;
    std::optional<std::string> content_;
    FileLine in_service_;
    Broken trouble_;  ///< what the last file was given up for
};

bool is_there(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

}  // namespace

std::string_view name_of(Phase phase) {
    constexpr std::string_view names[] = {"auth", "account", "password", "session"};
    return names[static_cast<std::size_t>(phase)];
}

std::string text_of(const FileLine& place) {
    return place.line == 0 ? place.file : place.file + ":" + std::to_string(place.line);
}

ServiceStacks read_service(const PamPlaces& places, const std::string& service) {
    ServiceStacks read;
    Reader(places, in_small_letters(service), read).read();
    return read;
}

std::optional<NeverRead> read_in_vain(const PamPlaces& places, const std::string& service) {
    if (in_small_letters(service) == service) return std::nullopt;
    for (const auto& directory : places.services) {
        auto path = directory;
        path.append("/").append(service);
        if (!is_there(path)) continue;
        NeverRead found{path, {}};
        Reader(places, service, found.stacks).read();
        return found;
    }
    return std::nullopt;
}

std::optional<std::string> find_module(const PamPlaces& places, const std::string& module) {
    auto path = module;
    if (const auto isa = path.find("$ISA"); isa != std::string::npos) path.replace(isa, 4, ".");
    if (path.starts_with('/')) return is_there(path) ? std::optional(path) : std::nullopt;
    for (const auto& directory : places.modules) {
        auto whole = directory;
        whole.append("/").append(path);
        if (is_there(whole)) return whole;
    }
    return std::nullopt;
}

}  // namespace totp
