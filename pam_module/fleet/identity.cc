#include "pam_module/fleet/identity.h"

#include <cerrno>
#include <memory>

#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "core/descriptor.h"
#include "core/secret_bytes.h"

namespace totp {
namespace {

constexpr std::size_t longest_file = 65'536;

Failure failure_of(const std::string& file, const std::string& what) {
    return {Trouble::key, file + " " + what};
}

std::unique_ptr<X509, decltype(&X509_free)> parse(const SecretBytes& text) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> input(
        BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free);
    return {PEM_read_bio_X509(input.get(), nullptr, nullptr, nullptr), X509_free};
}

/// In the first certificate of a PEM file.
Result<std::string> common_name_in(const std::string& file) {
    const Descriptor input(open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    SecretBytes text;
    if (!input || read_whole(input, longest_file, text) != 0)
        return failure_of(file, "can't be read" + because_of(errno));
    const auto certificate = parse(text);
    if (!certificate) return failure_of(file, "holds no certificate as PEM");
    const auto* subject = X509_get_subject_name(certificate.get());
    const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0)
        return failure_of(file, "doesn't have one common name: name the role by user in [postgresql]");
    unsigned char* name = nullptr;
    const int size = ASN1_STRING_to_UTF8(&name, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    if (size < 0) return failure_of(file, "has a common name that can't be read");
    const std::unique_ptr<unsigned char, void (*)(unsigned char*)> owned(name,
                                                                         [](auto* it) { OPENSSL_free(it); });
    return std::string(reinterpret_cast<char*>(name), static_cast<std::size_t>(size));
}

}  // namespace

Result<Database> for_host(Database database) {
    if (database.hosts.empty()) {
        return Failure{Trouble::settings,
                       "engine = postgresql needs hosts in [postgresql]: see pam_totp.conf(5)"};
    }
    if (!database.user.empty()) return database;
    auto name = common_name_in(database.certificate);
    if (!name) return name.failure();
    database.user = *std::move(name);
    return database;
}

Result<Database> for_administrator(Database database) {
    database.certificate = database.administrator_certificate;
    database.private_key = database.administrator_private_key;
    database.user.clear();
    return for_host(std::move(database));
}

}  // namespace totp
