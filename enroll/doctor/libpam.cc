#include "enroll/doctor/libpam.h"

#include <dlfcn.h>
#include <fcntl.h>

#include "core/descriptor.h"

namespace totp {
namespace {

constexpr std::size_t longest_library = 16'777'216;

std::string path_of_library() {
    Dl_info found{};
    void* const symbol = dlsym(RTLD_DEFAULT, "pam_start");
    if (symbol == nullptr || dladdr(symbol, &found) == 0 || found.dli_fname == nullptr) return "";
    return found.dli_fname;
}

SecretBytes content_of(const std::string& path) {
    SecretBytes content;
    const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file || read_whole(file, longest_library, content) != 0) content.resize(0);
    return content;
}

}  // namespace

PamPlaces places_of_libpam() {
    const auto library = path_of_library();
    const auto content = content_of(library);
    const auto knows = [&](const std::string& text) {
        return content.text().find(text) != std::string_view::npos;
    };
    PamPlaces places;
    for (const auto* directory : {"/etc/pam.d", "/usr/lib/pam.d", "/usr/etc/pam.d"}) {
        if (knows(std::string(directory) + "/%s")) places.services.emplace_back(directory);
    }
    if (places.services.empty()) places.services = {"/etc/pam.d"};  // the library can't be read
    places.knows_at_include = knows("@include");
    places.includes = places.knows_at_include ? std::vector<std::string>{"/etc/pam.d"} : places.services;
    places.single_file = "/etc/pam.conf";
    places.modules = {library.substr(0, library.rfind('/')) + "/security", "/lib/security"};
    return places;
}

}  // namespace totp
