// --out: for each account a text and a picture to hand over, which hold its key. Nobody but root can read
// them at any moment, and no power cut takes back what is said to be durable.
#pragma once

#include <string>

#include "core/failure.h"
#include "core/record_file.h"
#include "core/secret_bytes.h"
#include "enroll/bulk/next_step.h"

namespace totp {

class OutDirectory {
  public:
    /// Makes it if it is missing, and keeps every other bulk out of it as long as it lives. Refused: a link,
    /// a directory that isn't root's, one that anybody else may read, write or search.
    static Result<OutDirectory> open(const std::string& path);

    /// Of the account with this record_name(), for which there must be room in a file's name.
    Result<LyingThere> what_lies_there(const std::string& record) const;

    /// Puts both there as begun, durably, in place of what has begun.
    Result<Done> begin(const std::string& record, const SecretBytes& text, const SecretBytes& picture) const;

    /// The picture of what has begun, made anew; likewise.
    Result<Done> begin_picture(const std::string& record, const SecretBytes& picture) const;

    /// Gives what has begun its own names; durably only with make_durable().
    Result<Done> finish(const std::string& record) const;

    /// Takes away what has begun.
    Result<Done> take_back(const std::string& record) const;

    Result<Done> make_durable() const { return totp::make_durable(directory_); }

    std::string path_of_text(const std::string& record) const;
    std::string path_of_picture(const std::string& record) const;

    static std::string name_of_text(const std::string& record) { return record + ".txt"; }
    static std::string name_of_picture(const std::string& record) { return record + ".png"; }

  private:
    OutDirectory(Directory directory, DirectoryLock lock)
        : directory_(std::move(directory)), lock_(std::move(lock)) {}

    bool has(const std::string& name) const;
    Result<std::optional<LyingText>> text_called(const std::string& name) const;
    Result<Done> write(const std::string& name, const SecretBytes& content) const;
    Result<Done> rename(const std::string& from, const std::string& to) const;
    Result<Done> remove(const std::string& name) const;

    Directory directory_;
    DirectoryLock lock_;
};

}  // namespace totp
