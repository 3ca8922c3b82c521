// Plays the dialogues in tests/pam/dialogues against the module and the real libpam.
//
// A dialogue is a text file of lines, `#` beginning a remark:
//
//     options ARGUMENTS      for the module's line
//     setting LINE           a line of the settings file
//     before LINE            a line of the service file before ours; @PAM_WRAPPER@ is pam_wrapper's modules,
//                            @PAM_TOTP@ our module itself, without OPTIONS
//     after LINE             a line of the service file after ours
//     service NAME           as which the application speaks to libpam; door if not said
//     environment NAME=VALUE of the application
//     locale NAME            that the application has set, with the catalogues of this tree
//     enrol LINE             a line of alice's enrolment
//     helper LINE            of the shell script that is run as totp_check
//     helper-any LINE        of the one that is run as totp_check_any
//     helper-postgresql LINE of the one that is run as totp_check_postgresql
//     pending KEY SHOWN      a key that alice was shown earlier: a key URI, and `shown UNIX PLACE`
//     user NAME              who logs in; alice if not said. bob is who runs the tests, rob
//                            another name of the same uid, carol somebody else
//     rhost ADDRESS          from where; nowhere if not said
//     tty NAME               the terminal, as applications name it in PAM_TTY; none if not said
//     time UNIX              what the clock says
//     state WORDS            before the first call: alice's state; after a call: what it must be then
//     run COMMAND            of the shell, in the stage's directory
//     CALL [silent] CODE     authenticate, setcred, acct_mgmt, open_session, close_session or chauthtok, with
//                            PAM_SILENT or without, and the PAM code it must return; indented below it all
//                            that may happen meanwhile:
//       prompt TEXT          a question without echo; `prompt-echo` with it
//       answer TEXT          what is answered; \n, \r, \b and \177 are those characters
//       answer-after S TEXT  the same, S seconds later
//       no-answer            PAM_SUCCESS without an answer
//       hang-up              PAM_CONV_ERR
//       error TEXT           a message that something went wrong; line ends stand as \n in it, as in prompts,
//                            a new key as KEY, a new recovery code as CODE
//       info TEXT            any other message
//       log PRIORITY TEXT    a line for syslog; @ is the stage's directory, where totp_check,
//                            totp_check_any, totp_check_postgresql and totp_draw lie too
//       hands-on TEXT        the password that pam_get_items.so of pam_wrapper found, if it stands after ours
//
// What isn't said may not happen: not a prompt, not a log line, not a change of the state.
#include <algorithm>
#include <clocale>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <regex>
#include <sstream>

#include <security/pam_appl.h>

#include "core/checksum.h"
#include "tests/cmocka.h"
#include "tests/pam/stage.h"

namespace fs = std::filesystem;

namespace {

using Lines = std::vector<std::string>;

struct Script {
    std::string name;
    Lines lines;
};

// ---- words

std::string joined(const Lines& lines) {
    std::string text;
    for (const auto& line : lines) text += line + "\n";
    return text;
}

std::pair<std::string, std::string> first_word(const std::string& line) {
    const auto start = line.find_first_not_of(' ');
    const auto end = line.find(' ', start);
    const auto rest = end == std::string::npos ? end : line.find_first_not_of(' ', end);
    return {line.substr(start, end - start), rest == std::string::npos ? "" : line.substr(rest)};
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
        text.replace(at, from.size(), to);
    }
}

constexpr std::pair<const char*, const char*> escapes[] = {
    {"\\n", "\n"}, {"\\r", "\r"}, {"\\b", "\b"}, {"\\177", "\177"}};

std::string unescaped(std::string text) {
    for (const auto& [escape, character] : escapes) replace_all(text, escape, character);
    return text;
}

std::string escaped(std::string text) {
    for (const auto& [escape, character] : escapes) replace_all(text, character, escape);
    return text;
}

/// What was shown as a line of the transcript, nothing random in it.
std::string shown(std::string text) {
    static const std::regex new_key("([A-Z2-7]{4} ){7}[A-Z2-7]{4}");
    static const std::regex recovery_code("([0-9A-Z]{4}-){3}[0-9A-Z]{4}");
    constexpr std::string_view known_key = "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ";
    if (text.find(known_key) == std::string::npos) text = std::regex_replace(text, new_key, "KEY");
    text = std::regex_replace(text, recovery_code, "CODE");
    return escaped(text);
}

const std::map<std::string, int (*)(pam_handle_t*, int)> calls = {
    {"authenticate", pam_authenticate},   {"setcred", pam_setcred},
    {"acct_mgmt", pam_acct_mgmt},         {"open_session", pam_open_session},
    {"close_session", pam_close_session}, {"chauthtok", pam_chauthtok},
};

std::string code_name(int code) {
    static const std::map<int, std::string> names = {
        {PAM_SUCCESS, "PAM_SUCCESS"},         {PAM_AUTH_ERR, "PAM_AUTH_ERR"},
        {PAM_MAXTRIES, "PAM_MAXTRIES"},       {PAM_IGNORE, "PAM_IGNORE"},
        {PAM_CONV_ERR, "PAM_CONV_ERR"},       {PAM_AUTHINFO_UNAVAIL, "PAM_AUTHINFO_UNAVAIL"},
        {PAM_PERM_DENIED, "PAM_PERM_DENIED"}, {PAM_SYSTEM_ERR, "PAM_SYSTEM_ERR"},
        {PAM_INCOMPLETE, "PAM_INCOMPLETE"},
    };
    const auto name = names.find(code);
    return name == names.end() ? "code " + std::to_string(code) : name->second;
}

// ---- the application

/// Answers prompts from a script and keeps a transcript, in the script's own words.
class Application {
  public:
    explicit Application(Lines answers) : answers_(std::move(answers)) {}

    int converse(const pam_message& message, pam_response& response) {
        const auto text = shown(message.msg);
        if (message.msg_style == PAM_ERROR_MSG || message.msg_style == PAM_TEXT_INFO) {
            transcript_.push_back((message.msg_style == PAM_ERROR_MSG ? "  error " : "  info ") + text);
            return PAM_SUCCESS;
        }
        transcript_.push_back((message.msg_style == PAM_PROMPT_ECHO_ON ? "  prompt-echo " : "  prompt ") +
                              text);
        if (answers_.empty()) return PAM_CONV_ERR;
        const auto answer = answers_.front();
        answers_.erase(answers_.begin());
        transcript_.push_back(answer);
        const auto [kind, typed] = first_word(answer);
        if (kind == "hang-up") return PAM_CONV_ERR;
        if (kind == "answer") response.resp = strdup(unescaped(typed).c_str());
        if (kind == "answer-after") {
            const auto [seconds, later] = first_word(typed);
            stage::pass_time(std::stoll(seconds));
            response.resp = strdup(unescaped(later).c_str());
        }
        return PAM_SUCCESS;
    }

    const Lines& transcript() const { return transcript_; }

  private:
    Lines answers_;
    Lines transcript_;
};

int converse(int count, const pam_message** messages, pam_response** responses, void* application) {
    auto* all =
        static_cast<pam_response*>(std::calloc(static_cast<std::size_t>(count), sizeof(pam_response)));
    for (int i = 0; i < count; ++i) {
        const int code = static_cast<Application*>(application)->converse(*messages[i], all[i]);
        if (code == PAM_SUCCESS) continue;
        std::free(all);
        return code;
    }
    *responses = all;
    return PAM_SUCCESS;
}

// ---- the play

class Play {
  public:
    explicit Play(Lines lines)
        : lines_(std::move(lines)), stage_(all_of("options"), stack_lines("before"), stack_lines("after")) {
        std::ofstream settings(stage_.directory() / "pam_totp.conf");
        for (const auto& line : values_of("setting")) settings << line << "\n";
        const auto enrolment = joined(values_of("enrol"));
        if (!enrolment.empty()) stage_.enrol(enrolment);
        for (const auto& line : values_of("pending")) keep_pending(line);
        write_helper("totp_check", joined(values_of("helper")));
        write_helper("totp_check_any", joined(values_of("helper-any")));
        write_helper("totp_check_postgresql", joined(values_of("helper-postgresql")));
        stage::take_log();
    }
    ~Play() {
        if (pamh_ != nullptr) pam_end(pamh_, PAM_SUCCESS);
        for (const auto& name : environment_) unsetenv(name.c_str());
        std::setlocale(LC_ALL, "C");
    }

    /// The script as it would have to be for what happened.
    Lines transcript() {
        for (std::size_t i = 0; i < lines_.size();) {
            const auto [word, rest] = first_word(lines_[i]);
            std::size_t next = i + 1;
            while (next < lines_.size() && lines_[next].starts_with(' ')) ++next;
            if (calls.contains(word)) {
                call(word, rest.starts_with("silent ") ? PAM_SILENT : 0,
                     Lines(lines_.begin() + static_cast<long>(i) + 1,
                           lines_.begin() + static_cast<long>(next)));
            } else {
                perform(word, rest, lines_[i]);
            }
            i = next;
        }
        return played_;
    }

  private:
    Lines values_of(std::string_view wanted) const {
        Lines values;
        for (const auto& line : lines_) {
            if (auto [word, value] = first_word(line); word == wanted) values.push_back(value);
        }
        return values;
    }
    std::string all_of(std::string_view wanted) const {
        std::string all;
        for (const auto& value : values_of(wanted)) all += value + " ";
        return all;
    }
    Lines stack_lines(std::string_view where) const {
        auto lines = values_of(where);
        for (auto& line : lines) replace_all(line, "@PAM_WRAPPER@", PAM_WRAPPER_MODULES);
        return lines;
    }

    void keep_pending(std::string line) const {
        replace_all(line, " shown ", "\nshown ");
        const auto pending = totp::parse_pending(line + "\n");
        claim(pending && stage_.store().keep_pending(stage::alice(), *pending), "pending: " + line);
    }

    void write_helper(const std::string& name, const std::string& script) const {
        if (script.empty()) return;
        std::ofstream(stage_.helper(name)) << "#!/bin/sh\n" << script;
        fs::permissions(stage_.helper(name), fs::perms::owner_all);
    }

    void perform(const std::string& word, const std::string& rest, const std::string& line) {
        if (word == "user") become(rest);
        if (word == "rhost") remote_host_ = rest;
        if (word == "tty") terminal_ = rest;
        if (word == "service") set_service(rest);
        if (word == "time") stage::set_clock(std::stoll(rest));
        if (word == "run") run(rest);
        if (word == "environment") {
            const auto equals = rest.find('=');
            environment_.push_back(rest.substr(0, equals));
            setenv(environment_.back().c_str(), rest.substr(equals + 1).c_str(), 1);
        }
        if (word == "locale" && std::setlocale(LC_ALL, rest.c_str()) == nullptr)
            throw std::runtime_error("no locale " + rest);
        if (word == "state" && !has_called_) {
            write_state(rest);
        } else if (word != "state") {
            played_.push_back(line);
            return;
        }
        if (!has_called_) played_.push_back(line);
        last_state_ = stage_.state_text();
    }

    /// Also in the middle of it, as a module of the stack may.
    void become(const std::string& user) {
        user_ = user;
        if (pamh_ != nullptr) pam_set_item(pamh_, PAM_USER, user_.c_str());
    }

    void set_service(const std::string& name) {
        service_ = name;
        fs::create_symlink(stage::service, stage_.directory() / "pam.d" / name);
    }

    void run(const std::string& command) const {
        const auto whole = "cd " + stage_.directory().string() + " && " + command;
        claim(std::system(whole.c_str()) == 0, "done: " + command);
    }

    void write_state(const std::string& words) const {
        auto text = "pam-totp-state 1 " + words;
        constexpr std::size_t tail = sizeof " sum=0123456789abcdef\n" - 1;
        text.resize(totp::slot_size - tail, ' ');
        const auto state = totp::parse_slot(text + " sum=" + totp::checksum_text(text) + "\n");
        claim(state.has_value(), "a state: " + words);
        stage_.write_state(*state);
    }

    void start() {
        if (pamh_ != nullptr) return;
        const auto directory = stage_.directory() / "pam.d";
        assert_int_equal(
            pam_start_confdir(service_.c_str(), user_.c_str(), &conversation_, directory.c_str(), &pamh_),
            PAM_SUCCESS);
    }

    void call(const std::string& name, int flags, const Lines& script) {
        if (!has_called_) last_state_ = stage_.state_text();
        has_called_ = true;
        Lines answers;
        std::ranges::copy_if(script, std::back_inserter(answers), [](const std::string& line) {
            const auto word = first_word(line).first;
            return word.starts_with("answer") || word == "no-answer" || word == "hang-up";
        });
        Application application(answers);
        conversation_ = {converse, &application};
        start();
        pam_set_item(pamh_, PAM_CONV, &conversation_);
        if (!remote_host_.empty()) pam_set_item(pamh_, PAM_RHOST, remote_host_.c_str());
        if (!terminal_.empty()) pam_set_item(pamh_, PAM_TTY, terminal_.c_str());
        const int code = calls.at(name)(pamh_, flags);

        played_.push_back(name + (flags == PAM_SILENT ? " silent " : " ") + code_name(code));
        std::ranges::copy(application.transcript(), std::back_inserter(played_));
        for (auto line : stage::take_log()) {
            replace_all(line, stage_.directory().string(), "@");
            replace_all(line, PAM_TOTP_CHECK_ANY, "@/totp_check_any");
            replace_all(line, PAM_TOTP_CHECK_POSTGRESQL, "@/totp_check_postgresql");
            replace_all(line, PAM_TOTP_CHECK, "@/totp_check");
            replace_all(line, PAM_TOTP_DRAW, "@/totp_draw");
            played_.push_back("  log " + line);
        }
        note_password_handed_on();
        const auto state = stage_.state_text();
        if (state != last_state_) played_.push_back("state " + state);
        last_state_ = state;
    }

    void note_password_handed_on() {
        constexpr const char* found = "PAM_AUTHTOK";
        const char* password = pam_getenv(pamh_, found);
        if (password == nullptr) return;
        played_.push_back("  hands-on " + escaped(password));
        pam_putenv(pamh_, found);
    }

    Lines lines_;
    stage::Stage stage_;
    Lines played_;
    Lines environment_;
    std::string user_ = "alice";
    std::string service_ = stage::service;
    std::string remote_host_;
    std::string terminal_;
    std::string last_state_;
    bool has_called_ = false;
    pam_handle_t* pamh_ = nullptr;
    pam_conv conversation_{};
};

// ---- the test cases

Script read_script(const fs::path& path) {
    Script script{path.stem().string(), {}};
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        if (!line.empty() && !line.starts_with('#')) script.lines.push_back(line);
    }
    return script;
}

bool is_played_as_written(const Script& script) {
    const auto played = Play(script.lines).transcript();
    if (played == script.lines) return true;
    std::cerr << script.name << " is written like this:\n\n"
              << joined(script.lines) << "\nand was played like this:\n\n"
              << joined(played) << "\n";
    return false;
}

void plays_as_written(void** state) {
    assert_true(is_played_as_written(*static_cast<const Script*>(*state)));
}

}  // namespace

int main(int argc, char** argv) {
    std::vector<fs::path> paths;
    for (const auto& entry : fs::directory_iterator(PAM_TOTP_DIALOGUES)) {
        if (argc < 2 || entry.path().stem() == argv[1]) paths.push_back(entry.path());
    }
    std::ranges::sort(paths);
    std::vector<Script> scripts;
    for (const auto& path : paths) scripts.push_back(read_script(path));
    std::vector<CMUnitTest> tests;
    for (auto& script : scripts) {
        tests.push_back({script.name.c_str(), plays_as_written, nullptr, nullptr, &script});
    }
    stage::begin_as_ordinary_user();
    return _cmocka_run_group_tests("dialogues", tests.data(), tests.size(), nullptr, nullptr);
}
