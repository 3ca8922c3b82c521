#include "enroll/database_elsewhere.h"

#include <cerrno>

#include <unistd.h>

#include "core/percent.h"

namespace totp {
namespace {

/// Which program passes orders on.
const char* helper() { return is_root() ? PAM_TOTP_ADMINISTER_POSTGRESQL : PAM_TOTP_PERSON_POSTGRESQL; }

/// Nobody but root may say which settings count.
Result<StandingProgram> start(const char* helper, const Settings& settings) {
    if (access(helper, X_OK) != 0) {
        return Failure{Trouble::store, tr("%1 can't be run%2: engine = postgresql needs the package "
                                          "libpam-totp-postgresql",
                                          {helper, because_of(errno)})};
    }
    Program program{.path = helper, .seconds_to_answer = settings.database.deadline + 1};
    if (is_root() && !settings.file.empty()) program.arguments.push_back(settings.file);
    return StandingProgram::start(program);
}

}  // namespace

Result<SecretBytes> DatabaseElsewhere::answer_to(const Order& order) const {
    const std::scoped_lock lock(line_->mutex);
    auto& program = line_->program;
    if (!program) {
        auto started = start(helper(), settings_);
        if (!started) return started.failure();
        program = *std::move(started);
    }
    auto answer = program->answer_to(format_order(order).text(), end_of_message, longest_facts);
    if (!answer) program.reset();
    return answer;
}

Result<Values> DatabaseElsewhere::order(const std::string& word, Values values) const {
    const auto answer = answer_to({word, std::move(values)});
    if (!answer) return answer.failure();
    auto facts = parse_facts(answer->text());
    if (facts) return *std::move(facts);
    return Failure{Trouble::store,
                   tr("%1 gives no answer that makes sense: is it of the same version?", {helper()})};
}

Result<std::optional<DatabaseElsewhere>> find_database(const SharedOptions& options) {
    auto installation = find_installation(options);
    if (!installation) return installation.failure();
    auto& settings = installation->settings;
    if (settings.engine == Engine::files || options.is_local) return std::optional<DatabaseElsewhere>();
    return std::optional(DatabaseElsewhere(std::move(settings)));
}

Result<std::optional<DatabaseElsewhere>> find_database_of_all(const SharedOptions& options) {
    auto database = find_database(options);
    if (is_root() || !database || !*database) return database;
    return Failure{Trouble::caller,
                   tr("the accounts are in a database, and an administrator's root looks after them")};
}

Failure senseless(const std::string& account) {
    return {Trouble::store, tr("what the database says of %1 makes no sense", {printable(account)})};
}

std::optional<SecretBytes> value_of(std::string_view text) { return SecretBytes(text); }

std::optional<std::string_view> one_text_of(const Values& facts) {
    if (facts.size() != 1 || !facts.front()) return std::nullopt;
    return facts.front()->text();
}

bool says(const Values& facts, std::string_view word) { return one_text_of(facts) == word; }

}  // namespace totp
