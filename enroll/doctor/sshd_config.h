// sshd_config with all that it includes, as lines in the order in which sshd meets them, and its Match
// blocks.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "enroll/doctor/pam_stack.h"

namespace totp {

/// "Address 10.0.0.0/8": one condition of a Match line.
struct SshdCriterion {
    std::string kind;  ///< in small letters
    std::string patterns;
};

struct SshdBlock {
    FileLine place;
    std::string written;                  ///< "Match Address 10.0.0.0/8"
    std::vector<SshdCriterion> criteria;  ///< its own, and those of blocks that its file is included in
};

struct SshdLine {
    FileLine place;
    std::string keyword;  ///< in small letters; what it is called today, where it has had other names
    std::vector<std::string> arguments;
    std::optional<std::size_t> block;  ///< which of the blocks it stands in; nothing: it is for everybody
};

struct SshdConfig {
    std::string file;  ///< the one that sshd opens
    std::vector<SshdLine> lines;
    std::vector<SshdBlock> blocks;
};

/// `file`       what sshd opens.
/// `directory`  where names of included files begin that don't begin with `/`.
/// A file that isn't there, or can't be read, has no lines.
SshdConfig read_sshd_config(const std::string& file, const std::string& directory);

}  // namespace totp
