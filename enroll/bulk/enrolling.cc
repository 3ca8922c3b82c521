#include "enroll/bulk/enrolling.h"

#include <ctime>

#include "core/base32.h"
#include "core/percent.h"
#include "core/qr.h"
#include "core/random.h"
#include "enroll/bulk/hand_over.h"
#include "enroll/qr_image.h"

namespace totp {
namespace {

Result<SecretBytes> picture_of(const KeyUri& key) {
    const auto symbol = encode_qr(format_key_uri(key, UriParameters::not_default).text());
    if (!symbol) return symbol.failure();
    return qr_png(*symbol,
                  {key.issuer, key.label, in_groups_of_four(base32_encode(key.credential.secret.octets()))});
}

/// What is enrolled, without waiting for the account's lock where nothing is.
Result<std::optional<Enrolment>> enrolment_of(Store& store, const Account& account) {
    const auto enrolled = store.is_enrolled(account);
    if (!enrolled) return enrolled.failure();
    if (!*enrolled) return std::optional<Enrolment>();
    const auto held = store.hold(account, HoldFor::login);
    if (!held) return held.failure();
    return (*held)->enrolment();
}

}  // namespace

/// What an account gets that isn't enrolled.
struct Enrolling::Fresh {
    Enrolment enrolment;
    SecretBytes text;
    SecretBytes picture;
};

Result<Enrolling::Fresh> Enrolling::make(const Enrollee& enrollee) const {
    Credential credential;
    auto secret = random_bytes(recommended_secret_size(credential.algorithm));
    if (!secret) return secret.failure();
    credential.secret = *std::move(secret);
    auto codes = new_recovery_codes(recovery_codes_);
    if (!codes) return codes.failure();
    const KeyUri key{credential, enrollee.issuer, enrollee.label};
    auto picture = picture_of(key);
    if (!picture) {
        return input_failure(
            tr("%1 can't have a QR code: %2", {printable(enrollee.account.name), picture.failure().message}));
    }
    auto text = format_hand_over({enrollee.account.name, enrollee.device, key, std::move(codes->codes),
                                  OutDirectory::name_of_picture(enrollee.record)});
    return Fresh{{{Device(enrollee.device, std::move(credential))}, std::move(codes->hashes)},
                 std::move(text),
                 *std::move(picture)};
}

Result<Done> Enrolling::put_in_store(HeldAccount& held, const Fresh& fresh) const {
    auto state = without_strangers(held.state(), fresh.enrolment);
    state.devices = new_login_state(fresh.enrolment).devices;
    note_change(state, {.last = std::time(nullptr), .added_device = true});
    return held.enrol(fresh.enrolment, std::move(state));
}

/// What has begun stays where it isn't certain that nobody is enrolled with it: the next run looks.
Result<Ending> Enrolling::enrol_anew(const Enrollee& enrollee) const {
    const auto fresh = make(enrollee);
    if (!fresh) return fresh.failure();
    const auto held = FileStore(places_).hold(enrollee.account, HoldFor::change);
    if (!held) return held.failure();
    if ((*held)->enrolment()) {
        return input_failure(
            tr("%1 was enrolled meanwhile: nothing was changed", {printable(enrollee.account.name)}));
    }
    if (auto begun = out_.begin(enrollee.record, fresh->text, fresh->picture); !begun) {
        static_cast<void>(out_.take_back(enrollee.record));
        return begun.failure();
    }
    if (auto stored = put_in_store(**held, *fresh); !stored) return stored.failure();
    if (auto finished = out_.finish(enrollee.record); !finished) return finished.failure();
    return Ending::enrolled;
}

Result<Ending> Enrolling::finish(const Enrollee& enrollee, const KeyUri& key) const {
    const auto picture = picture_of(key);
    if (!picture) return picture.failure();
    if (auto begun = out_.begin_picture(enrollee.record, *picture); !begun) return begun.failure();
    if (auto finished = out_.finish(enrollee.record); !finished) return finished.failure();
    return Ending::enrolled;
}

Result<Ending> Enrolling::enrol(const Enrollee& enrollee) const {
    const auto there = out_.what_lies_there(enrollee.record);
    if (!there) return there.failure();
    FileStore store(places_);
    const auto enrolment = enrolment_of(store, enrollee.account);
    if (!enrolment) return enrolment.failure();
    const auto name = printable(enrollee.account.name);
    const auto text = printable(out_.path_of_text(enrollee.record));
    switch (next_step(*there, *enrolment)) {
        case NextStep::enrol: return enrol_anew(enrollee);
        case NextStep::finish: return finish(enrollee, *there->begun->key);
        case NextStep::leave: return Ending::done_before;
        case NextStep::refuse_enrolled:
            if (auto taken = out_.take_back(enrollee.record); !taken) return taken.failure();
            return input_failure(tr("%1 is enrolled already: nothing was changed", {name}));
        case NextStep::refuse_other_key:
            return input_failure(
                tr("%1 is enrolled, but not with the key in %2: remove that file, which opens nothing",
                   {name, text}));
        case NextStep::refuse_unenrolled:
            return input_failure(
                tr("%1 isn't enrolled, but there is %2: remove that file and the picture to "
                   "have them enrolled anew",
                   {name, text}));
        case NextStep::refuse_picture:
            return input_failure(tr("%1 has a picture %2 that isn't of this list: remove it",
                                    {name, printable(out_.path_of_picture(enrollee.record))}));
    }
    return input_failure(tr("%1 has no next step", {name}));
}

}  // namespace totp
