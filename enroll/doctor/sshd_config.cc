#include "enroll/doctor/sshd_config.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include <glob.h>

#include "enroll/doctor/small_letters.h"
#include "enroll/doctor/sshd_text.h"

namespace totp {
namespace {

constexpr int deepest_include = 16;  // sshd's own limit

std::string content_of(const std::string& file) {
    std::error_code ignored;
    if (!std::filesystem::is_regular_file(file, ignored)) return "";
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

/// The files that a pattern stands for, by name.
std::vector<std::string> files_of(const std::string& pattern) {
    glob_t found{};
    std::vector<std::string> files;
    if (glob(pattern.c_str(), 0, nullptr, &found) == 0)
        files.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
    globfree(&found);
    return files;
}

std::string todays_name(const std::string& keyword) {
    if (keyword == "challengeresponseauthentication" || keyword == "skeyauthentication")
        return "kbdinteractiveauthentication";
    return keyword == "dsaauthentication" ? "pubkeyauthentication" : keyword;
}

/// "User alice", "User=alice" and "all": the conditions of a Match line.
std::vector<SshdCriterion> criteria_of(const std::vector<std::string>& words) {
    std::vector<SshdCriterion> criteria;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const auto equals = words[i].find('=');
        auto kind = in_small_letters(words[i].substr(0, equals));
        if (kind == "all") continue;
        if (equals != std::string::npos) {
            criteria.push_back({std::move(kind), words[i].substr(equals + 1)});
        } else if (kind == "invalid-user" || kind == "final" || kind == "canonical") {
            criteria.push_back({std::move(kind), ""});
        } else {
            criteria.push_back({std::move(kind), ++i < words.size() ? words[i] : ""});
        }
    }
    return criteria;
}

class ConfigReader {
  public:
    ConfigReader(const std::string& file, const std::string& directory) : directory_(directory) {
        config_.file = file;
    }

    SshdConfig read() {
        read_file(config_.file, std::nullopt, 0);
        return std::move(config_);
    }

  private:
    /// `block` is the one the file is included in; one that begins in it ends with it.
    void read_file(const std::string& file, std::optional<std::size_t> block, int depth) {
        const auto outer = block;
        for (auto& line : sshd_text(content_of(file))) {
            const FileLine place{file, line.number};
            if (line.keyword == "include") {
                if (depth < deepest_include) include(line.arguments, block, depth);
            } else if (line.keyword == "match") {
                block = begin_block(place, line.arguments, outer);
            } else {
                config_.lines.push_back({place, todays_name(line.keyword), std::move(line.arguments), block});
            }
        }
    }
    void include(const std::vector<std::string>& patterns, std::optional<std::size_t> block, int depth) {
        for (auto pattern : patterns) {
            if (!pattern.starts_with('/')) pattern.insert(0, directory_ + "/");
            for (const auto& file : files_of(pattern)) read_file(file, block, depth + 1);
        }
    }
    std::size_t begin_block(const FileLine& place, const std::vector<std::string>& words,
                            std::optional<std::size_t> outer) {
        SshdBlock block{place, "Match", criteria_of(words)};
        for (const auto& word : words) block.written.append(" ").append(word);
        if (outer) {
            const auto& criteria = config_.blocks[*outer].criteria;
            block.criteria.insert(block.criteria.end(), criteria.begin(), criteria.end());
        }
        config_.blocks.push_back(std::move(block));
        return config_.blocks.size() - 1;
    }

    const std::string directory_;
    SshdConfig config_;
};

}  // namespace

SshdConfig read_sshd_config(const std::string& file, const std::string& directory) {
    return ConfigReader(file, directory).read();
}

}  // namespace totp
