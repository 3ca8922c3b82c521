// What is given back when the module is unloaded. Built only where libstdc++ is a part of the module: it
// takes 72 KB for exceptions in want of memory when it is loaded, and leaves them to the end of the process,
// as if it would stay.

namespace __gnu_cxx {
void __freeres();  // libstdc++'s, for valgrind: no header has it
}

namespace {

[[gnu::destructor]] void give_back() { __gnu_cxx::__freeres(); }

}  // namespace
