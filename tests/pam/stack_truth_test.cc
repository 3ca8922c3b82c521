// The stack prover against the real libpam: every stack of the corpus, and some made by chance, is run with
// modules that answer every combination. What libpam does with each is what the prover's walk does, and
// libpam lets somebody in without a code exactly where the prover says so.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <security/pam_appl.h>
#include <unistd.h>

#include "enroll/doctor/known_modules.h"
#include "enroll/doctor/stack_prover.h"
#include "tests/cmocka.h"
#include "tests/pam/stage.h"
#include "tests/stacks.h"

extern "C" int answer_of_stub(int count, const char** arguments);

/// What libpam loses where it gives a service up isn't ours.
extern "C" const char* __lsan_default_suppressions() { return "leak:libpam.so"; }

namespace {

namespace fs = std::filesystem;
using namespace totp;

constexpr std::size_t most_runs_of_case =
    PAM_TOTP_STACK_RUNS;  // of one stack; of more combinations some are sampled
constexpr int sampled_runs = std::min<int>(5'000, most_runs_of_case);
constexpr int stacks_made = 300;
constexpr std::size_t most_runs_by_chance = 500;
constexpr int runs_with_any_code = 300;

// ---- what the stubs do

/// A line that was run and what it answered.
struct Called {
    std::string line;
    int code;
};
std::vector<Called> called;
std::function<int(const std::string&)> answer;

// ---- what must be read before this process leaves root, for the sources may lie where only root can read

using Files = std::map<std::string, std::string>;

std::string content_of(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    claim(file.good(), path.string() + " can be read");
    return {std::istreambuf_iterator<char>(file), {}};
}

/// The files of a case as one directory: of two of one name the first counts.
Files files_of(const testing::StackCase& each) {
    Files files;
    for (const auto* part : {"pam.d", "vendor"}) {
        if (!fs::exists(each.directory / part)) continue;
        for (const auto& entry : fs::directory_iterator(each.directory / part))
            files.emplace(entry.path().filename(), content_of(entry));
    }
    return files;
}

struct Material {
    std::string stub = content_of(PAM_TOTP_STUB);
    std::vector<std::pair<testing::StackCase, Files>> cases;
};

Material read_material() {
    Material material;
    for (const auto& each : testing::stack_cases()) material.cases.emplace_back(each, files_of(each));
    return material;
}

const Material& material() {
    static const Material read = read_material();
    return read;
}

// ---- the stack, rewritten for libpam and stubs

/// Points at what libpam sees: every module a link to the stub, which is told its line; every file that is
/// taken in by its whole path, because libpam would look for it in /etc/pam.d.
class RewrittenStack {
  public:
    RewrittenStack(const Files& files, std::string service, std::set<std::string> missing)
        : service_(std::move(service)), missing_(std::move(missing)) {
        auto name = (fs::temp_directory_path() / "pam-totp-stack.XXXXXX").string();
        claim(mkdtemp(name.data()) != nullptr, "a directory can be made");
        directory_ = name;
        fs::create_directory(directory_ / "pam.d");
        fs::create_directory(directory_ / "modules");
        std::ofstream(directory_ / "stub.so", std::ios::binary) << material().stub;
        std::ofstream(confdir() / "other") << "\n";
        for (const auto& [file, content] : files) rewrite(file, content);
    }
    RewrittenStack(const RewrittenStack&) = delete;
    RewrittenStack& operator=(const RewrittenStack&) = delete;
    ~RewrittenStack() { fs::remove_all(directory_); }

    const std::string& service() const { return service_; }
    fs::path confdir() const { return directory_ / "pam.d"; }

    PamPlaces places() const {
        return {{confdir()}, {confdir()}, (directory_ / "pam.conf").string(), {directory_ / "modules"}, true};
    }

  private:
    void rewrite(const std::string& name, const std::string& content) {
        static const std::regex taken_in(R"(((?:^|\s)@?(?:include|substack)\s+)([A-Za-z0-9_-]+))",
                                         std::regex::icase);
        static const std::regex module(R"((^|\s)(?:/\S*/)?(pam_\w+\.so)(?=\s|$))");
        std::istringstream text(content);
        std::ofstream rewritten(confdir() / name);
        int number = 0;
        for (std::string line; std::getline(text, line);) {
            const auto mark = " @" + name + ":" + std::to_string(++number);
            for (std::sregex_iterator found(line.begin(), line.end(), module), end; found != end; ++found)
                link_module((*found)[2]);
            line = std::regex_replace(line, taken_in, "$1" + confdir().string() + "/$2");
            rewritten << std::regex_replace(line, module,
                                            "$1" + (directory_ / "modules").string() + "/$2" + mark)
                      << (text.eof() ? "" : "\n");
        }
    }
    void link_module(const std::string& name) {
        const auto link = directory_ / "modules" / name;
        if (!missing_.contains(name) && !fs::exists(link)) fs::create_symlink(directory_ / "stub.so", link);
    }

    std::string service_;
    std::set<std::string> missing_;
    fs::path directory_;
};

// ---- the real libpam

int no_conversation(int, const pam_message**, pam_response**, void*) { return PAM_CONV_ERR; }

/// One handle for many runs: libpam reads the files but once.
class Libpam {
  public:
    explicit Libpam(const RewrittenStack& stack) : stack_(stack) { start(); }
    Libpam(const Libpam&) = delete;
    Libpam& operator=(const Libpam&) = delete;
    ~Libpam() { end(); }

    /// Whether libpam could read the service at all.
    bool has_started() const { return handle_ != nullptr; }

    int authenticate() {
        called.clear();
        const int result = pam_authenticate(handle_, 0);
        static_cast<void>(stage::take_log());
        if (result == PAM_INCOMPLETE) {  // it would go on there at the next call
            end();
            start();
        }
        return result;
    }

  private:
    void start() {
        static const pam_conv conversation{no_conversation, nullptr};
        const int result = pam_start_confdir(stack_.service().c_str(), "alice", &conversation,
                                             stack_.confdir().c_str(), &handle_);
        if (result != PAM_SUCCESS) handle_ = nullptr;
    }
    void end() {
        if (handle_ != nullptr) pam_end(handle_, PAM_SUCCESS);
        handle_ = nullptr;
    }

    const RewrittenStack& stack_;
    pam_handle_t* handle_ = nullptr;
};

// ---- the comparison

std::string id_of(const StackLine& line) { return line.arguments.empty() ? "" : line.arguments.front(); }

std::string shown(const std::string& name) {
    auto text = name + ":";
    for (const auto& [line, code] : called) text += " " + line + "=" + std::string(name_of_code(code));
    return text;
}

/// What was run is what the walk runs, in that order, and it comes out alike.
void compare_with_walk(const std::string& name, const Stack& stack, int result) {
    auto state = begin_walk(stack);
    std::size_t at = 0;
    while (state.next < stack.size()) {
        const auto& line = stack[state.next];
        int code = PAM_PERM_DENIED;
        if (line.kind == StackLine::Kind::module && !fs::exists(line.module)) {
            code = PAM_MODULE_UNKNOWN;
        } else if (line.kind == StackLine::Kind::module) {
            claim(at < called.size() && called[at].line == id_of(line),
                  shown(name) + " | runs " + id_of(line));
            code = called[at++].code;
        }
        state = walk_on(stack, state, code);
    }
    claim(at == called.size(), shown(name) + " | runs no more than that");
    claim(is_success(state) == (result == PAM_SUCCESS),
          shown(name) + " | comes out as " + std::to_string(result));
}

std::size_t runs_so_far = 0;

struct Seen {
    bool is_let_in_without_code = false;
    std::size_t runs = 0;
};

/// Runs the stack with all that its lines may answer, one sequence after the other: each run differs from the
/// one before in the last line that still has another answer.
class Comparison {
  public:
    Comparison(std::string name, const RewrittenStack& rewritten)
        : name_(std::move(name)),
          libpam_(rewritten),
          read_(read_service(rewritten.places(), rewritten.service())) {
        claim(libpam_.has_started() == !read_.broken, name_ + " is given up by both or by neither");
        for (const auto& line : stack()) codes_[id_of(line)] = distinct_codes(line, answers_of(line));
    }

    bool is_runnable() const { return libpam_.has_started(); }
    const Stack& stack() const { return read_[Phase::auth]; }

    Seen run_all(std::mt19937& chance, std::size_t most_runs) {
        Seen seen;
        std::vector<std::size_t> choices;
        do {
            run(choices, seen);
        } while (next(choices) && seen.runs < most_runs);
        if (seen.runs == most_runs) {
            for (int i = 0; i < sampled_runs; ++i) run_by_chance(chance, seen);
        }
        return seen;
    }
    /// Also answers that the modules of these names never give.
    void run_with_any_code(std::mt19937& chance) {
        std::uniform_int_distribution<int> any(0, code_count - 1);
        for (int i = 0; i < runs_with_any_code; ++i) {
            answer = [&](const std::string&) { return chance() % 3 == 0 ? any(chance) : PAM_SUCCESS; };
            compare_with_walk(name_, stack(), libpam_.authenticate());
        }
    }
    /// The prover's own way in: libpam lets it in.
    void run_way(const Way& way) {
        std::size_t at = 0;
        answer = [&](const std::string& line) {
            while (at < way.steps.size() && id_of(stack()[way.steps[at].line]) != line) ++at;
            return at < way.steps.size() ? way.steps[at++].code : PAM_ABORT;
        };
        const int result = libpam_.authenticate();
        claim(result == PAM_SUCCESS && !has_code(), shown(name_) + " | gets in without a code");
    }

    std::vector<Player> players(bool may_give_code) const {
        std::vector<Player> players;
        for (const auto& line : stack()) {
            auto codes = answers_of(line);
            if (is_ours(line) && !may_give_code) codes.reset(PAM_SUCCESS).reset(PAM_IGNORE);
            players.push_back({codes});
        }
        return players;
    }

  private:
    static Codes answers_of(const StackLine& line) {
        if (line.kind == StackLine::Kind::must_fail) return Codes().set(PAM_PERM_DENIED);
        if (!fs::exists(line.module)) return Codes().set(PAM_MODULE_UNKNOWN);
        if (!is_ours(line)) return facts_of_module(line.module_name(), Phase::auth).answers;
        return our_failures(Phase::auth).set(PAM_SUCCESS).set(PAM_IGNORE);
    }
    bool has_code() const {
        return std::ranges::any_of(called, [&](const Called& each) {
            const auto line = std::ranges::find(stack(), each.line, id_of);
            return is_ours(*line) && (each.code == PAM_SUCCESS || each.code == PAM_IGNORE);
        });
    }
    void look_at(int result, Seen& seen) {
        compare_with_walk(name_, stack(), result);
        ++seen.runs;
        ++runs_so_far;
        if (result == PAM_SUCCESS && !has_code()) seen.is_let_in_without_code = true;
    }
    void run(std::vector<std::size_t>& choices, Seen& seen) {
        std::size_t at = 0;
        answer = [&](const std::string& line) {
            if (at == choices.size()) choices.push_back(0);
            return codes_.at(line)[choices[at++]];
        };
        const int result = libpam_.authenticate();
        choices.resize(called.size());
        look_at(result, seen);
    }
    void run_by_chance(std::mt19937& chance, Seen& seen) {
        answer = [&](const std::string& line) {
            const auto& codes = codes_.at(line);
            return codes[chance() % codes.size()];
        };
        look_at(libpam_.authenticate(), seen);
    }
    bool next(std::vector<std::size_t>& choices) const {
        while (!choices.empty()) {
            if (++choices.back() < codes_.at(called[choices.size() - 1].line).size()) return true;
            choices.pop_back();
        }
        return false;
    }

    std::string name_;
    Libpam libpam_;
    ServiceStacks read_;
    std::map<std::string, std::vector<int>> codes_;
};

/// What the prover says of whether anybody gets in without a code, held against all runs; whether libpam let
/// anybody in, or nothing where it gives the service up.
std::optional<bool> hold_against_libpam(const std::string& name, const RewrittenStack& rewritten,
                                        std::mt19937& chance, std::size_t most_runs) {
    Comparison comparison(name, rewritten);
    if (!comparison.is_runnable()) return std::nullopt;
    comparison.run_with_any_code(chance);
    const auto seen = comparison.run_all(chance, most_runs);
    const auto way = find_way(comparison.stack(), comparison.players(false), comparison.players(true));
    claim(way.has_value() || !seen.is_let_in_without_code, name + ": the prover misses no way in");
    if (way) comparison.run_way(*way);
    claim(!way || seen.is_let_in_without_code || seen.runs > most_runs,
          name + ": the prover invents no way in");
    return way.has_value();
}

void the_prover_and_libpam_agree_on_every_stack_of_the_corpus(void**) {
    constexpr std::size_t least_cases = 40;
    claim(material().cases.size() >= least_cases, "the corpus is there");
    std::mt19937 chance(1);
    runs_so_far = 0;
    for (const auto& [each, files] : material().cases) {
        const RewrittenStack rewritten(files, each.service, each.missing);
        const auto is_open = hold_against_libpam(each.name, rewritten, chance, most_runs_of_case);
        const std::set<std::string> open_ones = {"bypass", "exempt", "no_code"};
        claim(is_open.has_value() == (each.protection != "unknown"), each.name + " can be read");
        claim(is_open.value_or(false) == open_ones.contains(each.protection),
              each.name + " is " + each.protection + ", as it says there");
    }
    count_cases(runs_so_far);
}

// ---- stacks made by chance

class StackMaker {
  public:
    explicit StackMaker(std::mt19937& chance) : chance_(chance) {}

    Files make() {
        Files files;
        for (const auto* name : {"door", "one", "two", "three"}) {
            for (auto lines = 1 + chance_() % 4; lines > 0; --lines) files[name] += line(name) + "\n";
        }
        return files;
    }

  private:
    std::string one_of(const std::vector<std::string>& words) { return words[chance_() % words.size()]; }

    /// A file takes in only those that come after it.
    std::string line(const std::string& file) {
        const auto type = one_of({"auth", "auth", "auth", "AUTH", "-auth", "account", "auth\t"});
        if (file != "three" && chance_() % 3 == 0) {
            const auto taken_in = file == "door" ? one_of({"one", "two"}) : file == "one" ? "two" : "three";
            return chance_() % 4 == 0
                       ? "@include " + std::string(taken_in)
                       : type + " " + one_of({"include", "substack", "Substack"}) + " " + taken_in;
        }
        const auto module =
            one_of({"pam_totp.so", "pam_unix.so", "pam_sss.so", "pam_permit.so", "pam_deny.so"});
        return type + " " + control() + " " + module +
               one_of({"", "", " # said", " [a b]", " \\\n nullok", " x[y]"}) +
               (chance_() % 40 == 0 ? " " + std::string(1100, 'x') : "");
    }
    std::string control() {
        const auto word =
            one_of({"required", "requisite", "sufficient", "optional", "Required", "pairs", "pairs"});
        if (word != "pairs") return word;
        std::string text = "[";
        for (auto pairs = 1 + chance_() % 3; pairs > 0; --pairs)
            text +=
                one_of({"success", "default", "ignore", "auth_err", "user_unknown"}) + one_of({"=", " = "}) +
                one_of({"ok", "done", "bad", "die", "ignore", "reset", "1", "2", "3"}) + one_of({" ", "\t"});
        return text + "]";
    }

    std::mt19937& chance_;
};

void the_prover_and_libpam_agree_on_stacks_made_by_chance(void**) {
    std::mt19937 chance(2);
    for (int i = 0; i < stacks_made; ++i) {
        const RewrittenStack rewritten(StackMaker(chance).make(), "door", {});
        hold_against_libpam("stack " + std::to_string(i), rewritten, chance, most_runs_by_chance);
    }
}

// ---- what is certain of modules

/// The real module's answer, where nothing else is in the stack.
int answer_of(const std::string& module) {
    char directory[] = "/tmp/pam-totp-module.XXXXXX";
    claim(mkdtemp(directory) != nullptr, "a directory can be made");
    std::ofstream(fs::path(directory) / "door") << "auth [default=ok] " << module << "\n";
    std::ofstream(fs::path(directory) / "other") << "\n";
    const pam_conv conversation{no_conversation, nullptr};
    pam_handle_t* handle = nullptr;
    claim(pam_start_confdir("door", "alice", &conversation, directory, &handle) == PAM_SUCCESS,
          "libpam starts");
    const int result = pam_authenticate(handle, PAM_SILENT);
    pam_end(handle, result);
    fs::remove_all(directory);
    return result;
}

void real_modules_answer_what_is_certain_of_them(void**) {
    for (const auto* module :
         {"pam_deny.so", "pam_env.so", "pam_faildelay.so", "pam_permit.so", "pam_warn.so"}) {
        const auto answers = facts_of_module(module, Phase::auth).answers;
        claim(!answers.all(), std::string(module) + " is one of them");
        claim(answers[static_cast<std::size_t>(answer_of(module))], std::string(module) + " answers so");
    }
}

}  // namespace

int answer_of_stub(int count, const char** arguments) {
    const std::string line = count > 0 ? arguments[0] : "";
    const int code = answer(line);
    called.push_back({line, code});
    return code;
}

int main() {
    static_cast<void>(material());
    stage::begin_as_ordinary_user();
    const CMUnitTest tests[] = {
        cmocka_unit_test(the_prover_and_libpam_agree_on_every_stack_of_the_corpus),
        cmocka_unit_test(the_prover_and_libpam_agree_on_stacks_made_by_chance),
        cmocka_unit_test(real_modules_answer_what_is_certain_of_them),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
