// Bytes that are wiped when they go: shared secrets, key URIs, codes, what a person typed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace totp {

/// Overwrites every block before it is given back, also the outgrown ones of a vector that grew.
template <class T>
struct WipingAllocator {
    using value_type = T;

    WipingAllocator() = default;
    template <class U>
    WipingAllocator(const WipingAllocator<U>&) {}

    T* allocate(std::size_t count) { return std::allocator<T>().allocate(count); }
    void deallocate(T* block, std::size_t count) {
        explicit_bzero(block, count * sizeof(T));
        std::allocator<T>().deallocate(block, count);
    }
    bool operator==(const WipingAllocator&) const { return true; }
};

/// A secret of any length, as octets or as text. Copies are secrets too.
class SecretBytes {
  public:
    SecretBytes() = default;
    explicit SecretBytes(std::size_t size) : octets_(size) {}
    explicit SecretBytes(std::span<const std::uint8_t> octets) : octets_(octets.begin(), octets.end()) {}
    explicit SecretBytes(std::string_view text) { append(text); }

    std::uint8_t* data() { return octets_.data(); }
    const std::uint8_t* data() const { return octets_.data(); }
    std::size_t size() const { return octets_.size(); }
    bool empty() const { return octets_.empty(); }
    void resize(std::size_t size) { octets_.resize(size); }
    void append(std::string_view text) { octets_.insert(octets_.end(), text.begin(), text.end()); }

    std::span<const std::uint8_t> octets() const { return octets_; }
    std::string_view text() const { return {reinterpret_cast<const char*>(octets_.data()), octets_.size()}; }

    /// For tests and for telling one secret from another while enrolling; not constant-time.
    bool operator==(const SecretBytes&) const = default;

  private:
    std::vector<std::uint8_t, WipingAllocator<std::uint8_t>> octets_;
};

/// The lines as one text, each with a newline at its end.
SecretBytes text_of(const std::vector<SecretBytes>& lines);

/// Whether two texts are equal, in a time that depends on their lengths only.
bool equal_in_constant_time(std::string_view left, std::string_view right);

}  // namespace totp
