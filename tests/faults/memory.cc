// Memory that runs out on demand. Not for builds whose sanitizer is the allocator.
#include <cstddef>

#include "tests/faults/faults.h"

extern "C" {

void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);

void* malloc(std::size_t size) { return faults::next_allocation_fails() ? nullptr : __libc_malloc(size); }

void* calloc(std::size_t count, std::size_t size) {
    return faults::next_allocation_fails() ? nullptr : __libc_calloc(count, size);
}

void* realloc(void* memory, std::size_t size) {
    return faults::next_allocation_fails() ? nullptr : __libc_realloc(memory, size);
}
}
