// The stacks of a PAM service, read as libpam reads them. Knows nothing of what modules do, nor of ours.
#pragma once

#include <array>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/sentence.h"
#include "enroll/doctor/pam_control.h"

namespace totp {

/// Where libpam looks. Of directories the first that has a file of the name counts.
struct PamPlaces {
    std::vector<std::string> services;  ///< directories of service files
    std::vector<std::string> includes;  ///< of files that another takes in by name
    std::string single_file;            ///< pam.conf: read where none of `services` is there
    std::vector<std::string> modules;   ///< directories of modules that are named without one
    bool knows_at_include = true;       ///< `@include FILE` (Debian)
};

enum class Phase { auth, account, password, session };
inline constexpr std::size_t phase_count = 4;
std::string_view name_of(Phase phase);

struct FileLine {
    std::string file;
    int line = 0;

    bool operator==(const FileLine&) const = default;
};
std::string text_of(const FileLine& place);  ///< "FILE:LINE"

struct StackLine {
    enum class Kind {
        module,
        substack,   ///< nothing is run here; the lines after it that are one level deeper are its own
        must_fail,  ///< libpam can't read it, and answers perm_denied in its place
    };
    Kind kind = Kind::module;
    FileLine place;
    FileLine
        in_service;  ///< the line of the service's own file that it came by; `place` where it stands there
    int level = 0;   ///< how many substacks it stands in
    bool is_silent = false;  ///< `-auth`: libpam says nothing if the module isn't there
    Control control{};
    std::string module;  ///< as it is named there; of a substack the file
    std::vector<std::string> arguments;
    Sentence complaint;  ///< must_fail: what is wrong with the line

    /// "pam_unix.so", wherever it lies.
    std::string module_name() const { return module.substr(module.rfind('/') + 1); }

    bool stands_in_service() const { return place.file == in_service.file; }

    const Action& action_on(int code) const { return control[static_cast<std::size_t>(code)]; }
};
using Stack = std::vector<StackLine>;

/// Something that makes libpam give the whole service up: nobody gets in.
struct Broken {
    FileLine place;
    Sentence complaint;
};

struct ServiceStacks {
    std::array<Stack, phase_count> phases;  ///< of `other`, where the service has no line for a phase
    std::array<bool, phase_count> is_of_other{};
    bool has_file = false;  ///< of its own
    std::optional<Broken> broken;
    std::vector<FileLine> ending_sooner;    ///< in libpam since 1.6: lines that are continued after an empty
                                            ///< one or a comment
    std::vector<std::string> with_returns;  ///< files with lines that end in a carriage return, as on Windows
    std::set<std::string> taken_in;         ///< paths of files that it, or `other`, takes in
    std::vector<std::string>
        unreadable;  ///< files that this process may not read: what they hold isn't known

    const Stack& operator[](Phase phase) const { return phases[static_cast<std::size_t>(phase)]; }
};

/// `service` as an application names it: libpam looks for it in small letters.
ServiceStacks read_service(const PamPlaces& places, const std::string& service);

/// The file of a name that libpam looks for under no circumstances, as it has capitals: where it is, and as
/// the service that it was meant for.
struct NeverRead {
    std::string file;
    ServiceStacks stacks;
};
std::optional<NeverRead> read_in_vain(const PamPlaces& places, const std::string& service);

/// Where libpam finds the module; nothing where it isn't there.
std::optional<std::string> find_module(const PamPlaces& places, const std::string& module);

}  // namespace totp
