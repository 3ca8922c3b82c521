#include "enroll/bulk/enrolling.h"

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

}  // namespace

Result<Fresh> Enrolling::make(const Enrollee& enrollee) const {
    Credential credential;
    auto secret = random_bytes(recommended_secret_size(credential.algorithm));
    if (!secret) return secret.failure();
    credential.secret = *std::move(secret);
    auto codes = new_recovery_codes(recovery_codes_);
    if (!codes) return codes.failure();
    return Fresh{Device(enrollee.device, std::move(credential)), *std::move(codes)};
}

/// What has begun stays where it isn't certain that nobody is enrolled with it: the next run looks.
Result<Ending> Enrolling::enrol_anew(const Enrollee& enrollee) const {
    const auto fresh = make(enrollee);
    if (!fresh) return fresh.failure();
    const KeyUri key{fresh->device.credential, enrollee.issuer, enrollee.label};
    const auto picture = picture_of(key);
    if (!picture) {
        return input_failure(
            tr("%1 can't have a QR code: %2", {printable(enrollee.account.name), picture.failure().message}));
    }
    const auto text = format_hand_over({enrollee.account.name, enrollee.device, key, fresh->recovery.codes,
                                        OutDirectory::name_of_picture(enrollee.record)});
    return enrol_with(enrollee, *fresh, [&]() -> Result<Done> {
        auto begun = out_.begin(enrollee.record, text, *picture);
        if (!begun) static_cast<void>(out_.take_back(enrollee.record));
        return begun;
    });
}

Result<Ending> Enrolling::enrol_begun(const Enrollee& enrollee, const LyingText& begun) const {
    const Fresh same{Device(enrollee.device, begun.key->credential), {begun.recovery_codes, {}}};
    return enrol_with(enrollee, same, [] { return Done{}; });
}

/// Who is enrolled meanwhile is so by somebody else, or by what an earlier run had under way: another look
/// tells.
Result<Ending> Enrolling::enrol_with(const Enrollee& enrollee, const Fresh& fresh,
                                     const Register::Begin& begin) const {
    const auto enrolled = accounts_.enrol(enrollee.account, fresh, begin);
    if (!enrolled) return enrolled.failure();
    if (!*enrolled) return enrol(enrollee);
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
    const auto enrolment = accounts_.enrolment_of(enrollee.account, *there);
    if (!enrolment) return enrolment.failure();
    const auto name = printable(enrollee.account.name);
    const auto text = printable_path(out_.path_of_text(enrollee.record));
    switch (next_step(*there, *enrolment)) {
        case NextStep::enrol:
            if (accounts_.may_be_under_way() && there->begun_is_whole())
                return enrol_begun(enrollee, *there->begun);
            return enrol_anew(enrollee);
        case NextStep::finish: return finish(enrollee, *there->begun->key);
        case NextStep::leave: return Ending::done_before;
        case NextStep::refuse_enrolled:
            if (auto taken = out_.take_back(enrollee.record); !taken) return taken.failure();
            return accounts_.enrolled_without_us(enrollee.account);
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
                                    {name, printable_path(out_.path_of_picture(enrollee.record))}));
    }
    return input_failure(tr("%1 has no next step", {name}));
}

}  // namespace totp
