#include "enroll/bulk/account_list.h"

#include "tests/unit/testing.h"

namespace totp::testing {
namespace {

/// Each line as "NUMBER user=… device=… issuer=… label=…" with what is said, or as the failure.
std::string description_of(const std::vector<ListLine>& lines) {
    std::string text;
    for (const auto& [number, account] : lines) {
        if (!account) {
            text += account.failure().message.english() + "\n";
            continue;
        }
        text += std::to_string(number);
        for (const auto& [name, value] :
             {std::pair(" user=", account->user), std::pair(" device=", account->device),
              std::pair(" issuer=", account->issuer), std::pair(" label=", account->label)}) {
            if (!value.empty()) text += name + value;
        }
        text += "\n";
    }
    return text;
}

std::string read(std::string_view text) { return description_of(value_of(parse_account_list(text, "F"))); }

void reads_one_account_a_line(void**) {
    assert_text(read("alice\n\n# who left: carol\n  bob\t\r\n  # nor her\nDOM\\dave smith"),
                "1 user=alice\n4 user=bob\n6 user=DOM\\dave smith\n");
}

void reads_values_under_a_heading_in_any_order(void**) {
    assert_text(read("\xEF\xBB\xBF# staff\r\ndevice,user\r\nphone,alice\r\n\r\n,bob\r\n"),
                "3 user=alice device=phone\n5 user=bob\n");
    assert_text(read("user,device,issuer,label\nalice,phone,Example,alice at work"),
                "2 user=alice device=phone issuer=Example label=alice at work\n");
}

void reads_quoted_values(void**) {
    assert_text(read("\"user\" , \"issuer\"\n\"alice\", \"Smith, \"\"Sons\"\" # 1\" \n bob , plain # text\n"),
                "2 user=alice issuer=Smith, \"Sons\" # 1\n3 user=bob issuer=plain # text\n");
    assert_text(read("user,issuer\n\"alice\",\"\"\nbob,\"  kept \"\n"),
                "2 user=alice\n3 user=bob issuer=  kept \n");
}

/// The others are read all the same.
void names_each_wrong_line(void**) {
    assert_text(read("alice\nbob,phone\n\"carol\"\ndave"),
                "1 user=alice\n"
                "F:2 has more than an account's name: that takes a heading, as user,device\n"
                "F:3 has more than an account's name: that takes a heading, as user,device\n"
                "4 user=dave\n");
    assert_text(read("user,device\nalice\nbob,phone,x\n,phone\ncarol,a b\ndave,recovery\nerin,tablet"),
                "F:2 has 1 values under a heading of 2\n"
                "F:3 has 3 values under a heading of 2\n"
                "F:4 names no account\n"
                "F:5 names the device 'a b', which isn't 1 to 32 letters, digits, '.', '_' or '-' (nor the "
                "word recovery)\n"
                "F:6 names the device 'recovery', which isn't 1 to 32 letters, digits, '.', '_' or '-' (nor "
                "the word recovery)\n"
                "7 user=erin device=tablet\n");
    assert_text(read("user,issuer\nalice,\"x\nbob,x\"\ncarol,\"x\"y\ndave,\"x\",\n"),
                "F:2 has a quote without its end\n"
                "F:3 has a quote in the midst of a value: quote all of it\n"
                "F:4 has a quote in the midst of a value: quote all of it\n"
                "F:5 has 3 values under a heading of 2\n");
}

void refuses_what_a_key_uri_or_a_line_of_text_cannot_carry(void**) {
    assert_text(read("user,issuer,label\nalice,a:b,\nbob,,a\x1B[1m\ncarol,,\"a\rotpauth\"\nda\x7Fve,,\n"),
                "F:2 has a colon, which key URIs can't carry, in its issuer\n"
                "F:3 has a control character in its label\n"
                "F:4 has a control character in its label\n"
                "F:5 has a control character in its user\n");
    assert_text(read("m\xC3\xBCller"), "1 user=m\xC3\xBCller\n");
}

void refuses_a_list_as_a_whole_and_says_where(void**) {
    const std::pair<std::string_view, std::string_view> cases[] = {
        {"", "F lists nobody"},
        {"# nobody\n\n", "F lists nobody"},
        {"user,device\n# nobody\n", "F lists nobody below its heading"},
        {"# x\nuser,mail\n", "F:2 heads a column 'mail': there are user, device, issuer and label"},
        {"user,\n", "F:1 heads a column ''"},
        {"User,device\n", "F:1 heads a column 'User'"},
        {"user,device,device\n", "F:1 heads two columns device"},
        {"device,issuer\n", "F:1 heads no column user"},
        {"user,\"device\n", "F:1 has a quote without its end"},
        {"user\nalice\n", "F:1 may be a heading or an account"},
        {"\"user\"\r\nalice\n", "F:1 may be a heading or an account"},
        {std::string_view("a\0l\0i\0", 6), "F isn't a text in UTF-8 or ASCII"},
    };
    for (const auto& [text, message] : cases)
        assert_failure(parse_account_list(text, "F"), Trouble::input, message);
    assert_text(read("alice\nuser\n"), "1 user=alice\n2 user=user\n");
}

}  // namespace
}  // namespace totp::testing

int main() {
    using namespace totp::testing;
    const CMUnitTest tests[] = {
        cmocka_unit_test(reads_one_account_a_line),
        cmocka_unit_test(reads_values_under_a_heading_in_any_order),
        cmocka_unit_test(reads_quoted_values),
        cmocka_unit_test(names_each_wrong_line),
        cmocka_unit_test(refuses_what_a_key_uri_or_a_line_of_text_cannot_carry),
        cmocka_unit_test(refuses_a_list_as_a_whole_and_says_where),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
