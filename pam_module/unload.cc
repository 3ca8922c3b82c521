// What is given back when the module is unloaded. Built only where libstdc++ is a part of the module: it
// takes 72 KB for exceptions in want of memory when it is loaded, and leaves them to the end of the process,
// as if it would stay.

// NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): libstdc++'s own name, for valgrind,
// which no header has
namespace __gnu_cxx {
void __freeres();
}
// NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)

namespace {

[[gnu::destructor]] void give_back() { __gnu_cxx::__freeres(); }

}  // namespace
