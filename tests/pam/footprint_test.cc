// What the module needs of its host: stack, descriptors, system calls, memory. Not for builds whose sanitizer
// needs more of all.
#include <algorithm>
#include <array>
#include <cstddef>
#include <fstream>
#include <iterator>

#include <link.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "core/recovery.h"
#include "tests/pam/guest.h"

namespace {

using namespace guest;
using stage::device_line;
using stage::never_throttled;
using stage::right_code;
using stage::wrong_code;

/// Alice with a device and a recovery code. Whatever libcrypto does once in a process it has yet to do in
/// this one.
struct House : stage::Stage {
    House() : Stage(never_throttled) {
        stage::set_clock(start_of_time);
        std::array<int, 2> ends{};
        if (pipe(ends.data()) != 0) std::abort();
        in_child([&] {
            const auto set = totp::new_recovery_codes(1);
            enrol(device_line + ("recovery " + set->hashes.front().hash) + "\n");
            const auto line = right_code(start_of_time) + " " + wrong_code(start_of_time) + " " +
                              right_code(start_of_time + between_logins) + " " +
                              std::string(set->codes.front().text()) + " ";
            return write(ends[1], line.data(), line.size()) < 0;
        });
        std::array<char, 256> line{};
        if (read(ends[0], line.data(), line.size()) <= 0) std::abort();
        close(ends[0]);
        close(ends[1]);
        std::string_view text = line.data();
        for (auto* word : {&right, &wrong, &right_later, &recovery}) {
            *word = text.substr(0, text.find(' '));
            text.remove_prefix(word->size() + 1);
        }
    }
    std::string right;
    std::string wrong;
    std::string right_later;
    std::string recovery;
};

/// The whole of what one host sees: a wrong code, a right one, a recovery code. 0 if each comes to what it
/// should.
int live_through(const House& house) {
    if (log_in(house, answer(house.wrong)) != PAM_AUTH_ERR) return 1;
    if (log_in(house, answer(house.right)) != PAM_SUCCESS) return 2;
    return log_in(house, answer(house.recovery)) == PAM_SUCCESS ? 0 : 3;
}

// ---- stack

/// A stack with a page below it that can't be touched.
class Stack {
  public:
    explicit Stack(std::size_t size) : size_(size) {
        memory_ = static_cast<unsigned char*>(
            mmap(nullptr, size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        if (memory_ == MAP_FAILED || mprotect(memory_, page, PROT_NONE) != 0) std::abort();
        std::fill_n(begin(), size_, untouched);
    }
    ~Stack() { munmap(memory_, size_ + page); }
    Stack(const Stack&) = delete;
    Stack& operator=(const Stack&) = delete;

    unsigned char* begin() const { return memory_ + page; }
    std::size_t size() const { return size_; }

    /// How much of it was used, with what the C library keeps there for the thread.
    std::size_t used() const {
        return size_ - static_cast<std::size_t>(std::find_if(begin(), begin() + size_,
                                                             [](auto octet) { return octet != untouched; }) -
                                                begin());
    }

  private:
    static constexpr std::size_t page = 4096;
    static constexpr unsigned char untouched = 0xA5;
    std::size_t size_;
    unsigned char* memory_;
};

void whole_login_fits_a_stack_of_64_kib(void**) {
    const House house;
    const auto outcome = in_child([&] {
        const Stack stack(65'536);
        pthread_attr_t attributes;
        pthread_attr_init(&attributes);
        if (pthread_attr_setstack(&attributes, stack.begin(), stack.size()) != 0) return 10;
        struct Start {
            const House& house;
            int outcome;
        } start{house, 11};
        const auto run = [](void* argument) -> void* {
            auto& [home, result] = *static_cast<Start*>(argument);
            result = live_through(home);
            return nullptr;
        };
        pthread_t thread{};
        if (pthread_create(&thread, &attributes, run, &start) != 0) return 12;
        pthread_join(thread, nullptr);
        print_message("%zu bytes of stack used\n", stack.used());
        return start.outcome;
    });
    assert_int_equal(outcome, 0);
}

// ---- descriptors

/// Lets this process open as many more files as that.
void allow_descriptors(rlim_t number) {
    const int lowest_free = dup(STDERR_FILENO);
    close(lowest_free);
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = std::min(static_cast<rlim_t>(lowest_free) + number, limit.rlim_max);
    setrlimit(RLIMIT_NOFILE, &limit);
}

constexpr rlim_t plenty = 100;

/// What our log says of a login with that PAM code: without descriptors libpam can't write its audit either,
/// and then it puts its own PAM_SYSTEM_ERR in place of our code.
int as_logged(int code) {
    const auto lines = stage::take_log();
    const auto is_unavailable = std::ranges::any_of(
        lines, [](const auto& line) { return line.ends_with("verdict=unavailable reason=store"); });
    return is_unavailable && code == PAM_SYSTEM_ERR ? PAM_AUTHINFO_UNAVAIL : code;
}

/// A login that may open `number` files from the prompt on; 256 and a signal if the host died of it.
int log_in_with_descriptors(const House& house, rlim_t number) {
    return in_child([&] {
        stage::take_log();
        return as_logged(log_in(house, [&] {
            allow_descriptors(number);
            return house.right;
        }));
    });
}

void host_without_descriptors_is_refused_and_gets_in_once_it_has_some(void**) {
    const House house;
    int refused = 0;
    int code = log_in_with_descriptors(house, 0);
    for (rlim_t number = 1; code != PAM_SUCCESS; ++number, ++refused) {
        assert_int_equal(code, PAM_AUTHINFO_UNAVAIL);
        code = log_in_with_descriptors(house, number);
        assert_true(number < plenty);
    }
    print_message("a login needs %d descriptors after the prompt\n", refused);
    assert_true(refused > 0);
}

void host_without_descriptors_from_the_start_is_refused_and_gets_in_later(void**) {
    const House house;
    const auto outcome = in_child([&] {
        if (log_in(house, answer(house.wrong)) != PAM_AUTH_ERR) return 1;
        Transaction transaction(services_of(house), answer(house.right));
        if (transaction.authenticate() != PAM_SUCCESS) return 2;  // so the module is loaded
        stage::pass_time(between_logins);
        Transaction next(services_of(house), answer(house.right_later));
        allow_descriptors(0);
        if (transaction.authenticate() == PAM_SUCCESS) return 3;
        allow_descriptors(plenty);
        return next.authenticate() == PAM_SUCCESS ? 0 : 4;
    });
    assert_int_equal(outcome, 0);
}

// ---- system calls

/// What logins need of the kernel, libpam's loading of the module included.
constexpr std::array needed_calls = {
    // files: the services, the settings, the module and its libraries, the records
    SYS_openat, SYS_read, SYS_pread64, SYS_lseek, SYS_close, SYS_newfstatat, SYS_fstat, SYS_faccessat2,
    SYS_getdents64,
    // the state: locked, written, waited for
    SYS_fcntl, SYS_flock, SYS_pwrite64, SYS_fdatasync, SYS_prlimit64,
    // memory
    SYS_brk, SYS_mmap, SYS_munmap, SYS_mprotect,
    // who, chance, and other threads
    SYS_geteuid, SYS_getpid, SYS_getrandom, SYS_futex,
    // libpam's audit; the log takes some of them too
    SYS_socket, SYS_bind, SYS_getsockname, SYS_sendto, SYS_recvfrom, SYS_recvmsg, SYS_poll, SYS_ioctl,
    SYS_capget, SYS_gettid, SYS_getegid, SYS_connect, SYS_readlink,
    // not the login's: how this test ends
    SYS_exit_group};

/// From here on any other call kills the process.
void allow_needed_calls_alone() {
    std::vector<sock_filter> program = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
    };
    for (const auto call : needed_calls) {
        program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(call), 0, 1));
        program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    }
    program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
    const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
        std::abort();
}

void logins_need_few_system_calls(void**) {
    const House house;
    assert_int_equal(in_child([&] {
                         allow_needed_calls_alone();
                         return live_through(house);
                     }),
                     0);
}

/// So that the case before it can fail.
void other_system_calls_end_the_process(void**) {
    assert_int_equal(in_child([] {
                         allow_needed_calls_alone();
                         return static_cast<int>(syscall(SYS_unlink, "/nothing"));
                     }),
                     256 + SIGSYS);
}

// ---- opened and closed

struct Size {
    long pages;  ///< resident
    long mappings;
};

Size size_of_process() {
    std::ifstream statm("/proc/self/statm");
    long size = 0;
    long pages = 0;
    statm >> size >> pages;
    std::ifstream maps("/proc/self/maps");
    return {pages, std::count(std::istreambuf_iterator<char>(maps), {}, '\n')};
}

bool is_loaded() {
    const auto is_ours = [](dl_phdr_info* object, std::size_t, void*) -> int {
        return std::string_view(object->dlpi_name).ends_with("/pam_totp.so");
    };
    return dl_iterate_phdr(is_ours, nullptr) != 0;
}

/// Each transaction opens the module and closes it; it stays all the same.
void module_that_is_opened_and_closed_ten_thousand_times_takes_no_more(void**) {
    constexpr int times = 10'000;
    constexpr long most_pages = 64;
    const House house;
    Size before{};
    auto now = start_of_time;
    const AtPrompt at_prompt = [&] { return right_code(now); };
    for (int i = 0; i < times; ++i, stage::set_clock(now += between_logins)) {
        {
            Transaction transaction(services_of(house), at_prompt);
            assert_int_equal(transaction.authenticate(), PAM_SUCCESS);
        }
        assert_true(is_loaded());
        stage::take_log();
        if (i == times / 10) before = size_of_process();
    }
    const auto after = size_of_process();
    print_message("pages %ld -> %ld, mappings %ld -> %ld\n", before.pages, after.pages, before.mappings,
                  after.mappings);
    assert_true(after.pages - before.pages <= most_pages);
    assert_true(after.mappings <= before.mappings);
}

}  // namespace

/// `footprint_test PATTERN` runs the tests of that name alone.
int main(int count, char* arguments[]) {
    if (count > 1) cmocka_set_test_filter(arguments[1]);
    stage::begin_as_ordinary_user();
    const CMUnitTest tests[] = {
        cmocka_unit_test(whole_login_fits_a_stack_of_64_kib),
        cmocka_unit_test(host_without_descriptors_is_refused_and_gets_in_once_it_has_some),
        cmocka_unit_test(host_without_descriptors_from_the_start_is_refused_and_gets_in_later),
        cmocka_unit_test(logins_need_few_system_calls),
        cmocka_unit_test(other_system_calls_end_the_process),
        cmocka_unit_test(module_that_is_opened_and_closed_ten_thousand_times_takes_no_more),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
