#include "enroll/qr_image.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <png.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/descriptor.h"
#include "core/percent.h"

namespace totp {
namespace {

constexpr int quiet_zone = 4;  // ISO/IEC 18004 §5.3.8

int width_with_quiet_zone(const QrSymbol& symbol) { return symbol.width() + 2 * quiet_zone; }

// ---- text that anybody may have written

/// How many bytes the first character of `text` has; 0 if they aren't UTF-8 (RFC 3629) or if XML 1.0 §2.2 has
/// no such character or only to discourage it: controls, surrogates, U+FFFE and U+FFFF.
std::size_t size_of_character(std::string_view text) {
    constexpr std::array<char32_t, 5> smallest = {0x20, 0, 0xA0, 0x800, 0x10000};  // by leading ones
    const auto lead = static_cast<unsigned char>(text.front());
    const auto leading_ones = static_cast<std::size_t>(std::countl_one(lead));
    const auto size = std::max<std::size_t>(leading_ones, 1);
    if (leading_ones == 1 || leading_ones > 4 || size > text.size()) return 0;
    char32_t character = lead & (0xFF >> (leading_ones + 1));
    for (const char c : text.substr(1, size - 1)) {
        const auto octet = static_cast<unsigned char>(c);
        if (std::countl_one(octet) != 1) return 0;
        character = character << 6 | (octet & 0x3F);
    }
    const bool is_surrogate = character >= 0xD800 && character <= 0xDFFF;
    const bool is_character = character != 0x7F && character != 0xFFFE && character != 0xFFFF &&
                              character <= 0x10FFFF && !is_surrogate;
    return is_character && character >= smallest.at(leading_ones) ? size : 0;
}

/// The same text with U+FFFD for each byte that is no part of a character.
SecretBytes readable(std::string_view text) {
    SecretBytes characters;
    while (!text.empty()) {
        const auto size = size_of_character(text);
        characters.append(size > 0 ? text.substr(0, size) : "\uFFFD");
        text.remove_prefix(std::max<std::size_t>(size, 1));
    }
    return characters;
}

std::string title_of(const QrCaption& caption) {
    const auto separator = caption.issuer.empty() || caption.account.empty() ? "" : ", ";
    const auto names = readable(caption.issuer + separator + caption.account);
    return "One-time codes: " + std::string(names.text());
}

// ---- SVG, in tenths of a millimetre

constexpr int page_width = 600;
constexpr int margin = 30;
constexpr int line_height = 50;

/// How a text is set: in a monospaced font, whose characters are 0.6 of its size wide, so that it fits the
/// page.
struct Lettering {
    int font_size;
    int columns;
};
constexpr Lettering lettering_of_names = {.font_size = 30, .columns = 30};
constexpr Lettering lettering_of_key = {.font_size = 40, .columns = 19};  // four groups of four

struct Line {
    std::string_view text;
    int font_size;
};

/// How many bytes of `text` fit so many columns. What isn't ASCII may be twice as wide: Chinese is.
std::size_t size_that_fits(std::string_view text, int columns) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto octet = static_cast<unsigned char>(text[i]);
        const bool continues_a_character = std::countl_one(octet) == 1;
        if (!continues_a_character) columns -= octet < 0x80 ? 1 : 2;
        if (columns < 0) return i;
    }
    return text.size();
}

/// Adds `text`, cut at blanks where it has any.
void append_lines(std::vector<Line>& lines, std::string_view text, Lettering lettering) {
    while (!text.empty()) {
        auto end = size_that_fits(text, lettering.columns);
        const auto last_blank = text.rfind(' ', end);
        if (end < text.size() && last_blank != std::string_view::npos) end = last_blank;
        lines.push_back({text.substr(0, end), lettering.font_size});
        text.remove_prefix(std::min(text.find_first_not_of(' ', end), text.size()));
    }
}

/// In pieces: a text put together before would be left in memory.
void append(SecretBytes& svg, std::initializer_list<std::string_view> pieces) {
    for (const auto piece : pieces) svg.append(piece);
}

void append_escaped(SecretBytes& svg, std::string_view text) {
    for (const char& c : text) {
        switch (c) {
            case '&': svg.append("&amp;"); break;
            case '<': svg.append("&lt;"); break;
            case '>': svg.append("&gt;"); break;
            default: svg.append({&c, 1});
        }
    }
}

/// How many modules from this one on are dark, along the row.
int dark_run(const QrSymbol& symbol, int row, int column) {
    int end = column;
    while (symbol.is_dark(row, end)) ++end;
    return end - column;
}

/// The dark modules as one path, a rectangle for each run.
void append_modules(SecretBytes& svg, const QrSymbol& symbol) {
    const auto side = std::to_string(width_with_quiet_zone(symbol));
    const auto width = std::to_string(page_width);
    append(svg, {"<svg width=\"", width, "\" height=\"", width, "\" viewBox=\"0 0 ", side, " ", side,
                 "\">\n<path shape-rendering=\"crispEdges\" d=\""});
    for (int row = 0; row < symbol.width(); ++row) {
        for (int column = 0; column < symbol.width(); ++column) {
            const int length = dark_run(symbol, row, column);
            if (length == 0) continue;
            append(svg, {"M", std::to_string(column + quiet_zone), " ", std::to_string(row + quiet_zone), "h",
                         std::to_string(length), "v1h-", std::to_string(length), "z"});
            column += length;
        }
    }
    svg.append("\"/>\n</svg>\n");
}

void append_page(SecretBytes& svg, const std::string& title, int height) {
    const auto width = std::to_string(page_width);
    append(svg,
           {"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"",
            std::to_string(page_width / 10), "mm\" height=\"", std::to_string(height / 10),
            "mm\" viewBox=\"0 0 ", width, " ", std::to_string(height), "\">\n<title>"});
    append_escaped(svg, title);
    append(svg, {"</title>\n<rect width=\"", width, "\" height=\"", std::to_string(height),
                 "\" fill=\"white\"/>\n"});
}

void append_text(SecretBytes& svg, const Line& line, int baseline) {
    append(svg, {"<text x=\"", std::to_string(margin), "\" y=\"", std::to_string(baseline),
                 "\" font-family=\"monospace\" font-size=\"", std::to_string(line.font_size), "\">"});
    append_escaped(svg, line.text);
    svg.append("</text>\n");
}

SecretBytes svg_of(const QrSymbol& symbol, const QrCaption& caption) {
    const auto issuer = readable(caption.issuer);
    const auto account = readable(caption.account);
    const auto key = readable(caption.key.text());
    std::vector<Line> lines;
    append_lines(lines, issuer.text(), lettering_of_names);
    append_lines(lines, account.text(), lettering_of_names);
    append_lines(lines, key.text(), lettering_of_key);

    SecretBytes svg;
    append_page(svg, title_of(caption), page_width + static_cast<int>(lines.size()) * line_height + margin);
    append_modules(svg, symbol);
    int baseline = page_width + margin;
    for (const auto& line : lines) {
        append_text(svg, line, baseline);
        baseline += line_height;
    }
    svg.append("</svg>\n");
    return svg;
}

// ---- PNG. libpng reports an error by longjmp(): from is_encoded(), which it comes back to, down to libpng
// no function may have an object with a destructor when it calls libpng; and none of ours that libpng calls
// may throw.

constexpr int pixels_of_a_module = 8;       // at one bit each: one octet of a row
constexpr png_uint_32 resolution = 11'811;  // pixels a metre: 300 dpi

/// zlib's, for rows that come eight times: no larger, and without its quarter of a megabyte to be wiped.
constexpr int window_bits = 9;
constexpr int memory_level = 4;

/// What libpng needs to know, as it takes it.
struct PngPicture {
    png_uint_32 modules;   ///< on a side, with the quiet zone
    const png_byte* rows;  ///< modules * modules octets, row by row: one line of pixels of each module
    png_text title;
};

/// In front of each block stands its size: libpng doesn't tell it when it gives back what may hold the
/// picture.
constexpr std::size_t room_for_size = alignof(std::max_align_t);

png_voidp allocate(png_structp, png_alloc_size_t size) {
    auto* const block = static_cast<std::uint8_t*>(operator new(room_for_size + size, std::nothrow));
    if (block == nullptr) return nullptr;
    std::memcpy(block, &size, sizeof size);
    return block + room_for_size;
}

void wipe_and_release(png_structp, png_voidp memory) {
    if (memory == nullptr) return;
    auto* const block = static_cast<std::uint8_t*>(memory) - room_for_size;
    png_alloc_size_t size = 0;
    std::memcpy(&size, block, sizeof size);
    explicit_bzero(block, room_for_size + size);
    operator delete(block);
}

using Complaint = std::array<char, 128>;

[[noreturn]] void note_and_jump(png_structp png, png_const_charp message) {
    auto& complaint = *static_cast<Complaint*>(png_get_error_ptr(png));
    static_cast<void>(std::snprintf(complaint.data(), complaint.size(), "%s", message));
    png_longjmp(png, 1);
}

void ignore_warning(png_structp, png_const_charp) {}

bool is_appended(SecretBytes& content, std::string_view octets) {
    try {
        content.append(octets);
        return true;
    } catch (const std::exception&) {
        return false;
    }
}

void append_octets(png_structp png, png_bytep octets, std::size_t size) {
    auto& content = *static_cast<SecretBytes*>(png_get_io_ptr(png));
    if (!is_appended(content, {reinterpret_cast<const char*>(octets), size})) png_error(png, "out of memory");
}

void flush_nothing(png_structp) {}

void encode(png_structp png, png_infop header, const PngPicture& picture) {
    const png_uint_32 side = picture.modules * pixels_of_a_module;
    png_set_IHDR(png, header, side, side, 1, PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_compression_window_bits(png, window_bits);
    png_set_compression_mem_level(png, memory_level);
    png_set_pHYs(png, header, resolution, resolution, PNG_RESOLUTION_METER);
    png_set_text(png, header, &picture.title, 1);
    png_write_info(png, header);
    const png_byte* row = picture.rows;
    for (png_uint_32 line = 1; line <= side; ++line) {
        png_write_row(png, row);
        if (line % pixels_of_a_module == 0) row += picture.modules;
    }
    png_write_end(png, nullptr);
}

bool is_encoded(png_structp png, png_infop header, const PngPicture& picture) {
    if (setjmp(png_jmpbuf(png)) != 0) return false;  // NOLINT(cert-err52-cpp): libpng has no other way
    encode(png, header, picture);
    return true;
}

/// What libpng allocates; nothing of it, or all.
class PngWriter {
  public:
    explicit PngWriter(SecretBytes& content)
        : png_(png_create_write_struct_2(PNG_LIBPNG_VER_STRING, &complaint_, note_and_jump, ignore_warning,
                                         nullptr, allocate, wipe_and_release)) {
        if (png_ != nullptr) header_ = png_create_info_struct(png_);
        if (header_ == nullptr) {
            png_destroy_write_struct(&png_, nullptr);
            throw std::bad_alloc();
        }
        png_set_write_fn(png_, &content, append_octets, flush_nothing);
    }
    PngWriter(const PngWriter&) = delete;
    PngWriter& operator=(const PngWriter&) = delete;
    ~PngWriter() { png_destroy_write_struct(&png_, &header_); }

    void write(const PngPicture& picture) {
        if (!is_encoded(png_, header_, picture)) {
            throw std::runtime_error(std::string("libpng: ") + complaint_.data());
        }
    }

  private:
    Complaint complaint_{};
    png_structp png_ = nullptr;
    png_infop header_ = nullptr;
};

SecretBytes png_rows(const QrSymbol& symbol) {
    constexpr std::uint8_t black = 0;
    constexpr std::uint8_t white = 0xFF;
    const auto width = static_cast<std::size_t>(width_with_quiet_zone(symbol));
    SecretBytes rows(width * width);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const bool is_dark = symbol.is_dark(static_cast<int>(i / width) - quiet_zone,
                                            static_cast<int>(i % width) - quiet_zone);
        rows.data()[i] = is_dark ? black : white;
    }
    return rows;
}

/// As Latin-1, of which it takes the ASCII part only, or as UTF-8.
png_text png_title(std::string& title) {
    const bool is_ascii = std::ranges::all_of(title, [](char c) { return (c & 0x80) == 0; });
    png_text text{};
    text.compression = is_ascii ? PNG_TEXT_COMPRESSION_NONE : PNG_ITXT_COMPRESSION_NONE;
    text.key = const_cast<png_charp>("Title");  // only read
    text.text = title.data();
    text.text_length = title.size();
    return text;
}

SecretBytes png_of(const QrSymbol& symbol, std::string title) {
    const auto rows = png_rows(symbol);
    SecretBytes content;
    PngWriter(content).write({.modules = static_cast<png_uint_32>(width_with_quiet_zone(symbol)),
                              .rows = rows.data(),
                              .title = png_title(title)});
    return content;
}

// ---- the file

/// A file that isn't there before, and goes again unless it is put on the disk. Its directory is held
/// meanwhile: what is removed is what was made, whoever moves directories around.
class NewFile {
  public:
    explicit NewFile(const std::string& path)
        : name_(path.substr(path.rfind('/') + 1)),
          directory_(open(directory_of(path).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)),
          file_(directory_ ? openat(directory_.number(), name_.c_str(),
                                    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR)
                           : -1) {}
    NewFile(const NewFile&) = delete;
    NewFile& operator=(const NewFile&) = delete;
    ~NewFile() {
        if (file_ && !is_on_disk_) unlinkat(directory_.number(), name_.c_str(), 0);
    }

    /// Whether it was made; if not, errno says why right after.
    explicit operator bool() const { return static_cast<bool>(file_); }

    /// -1 and errno on failure, else 0.
    int put_on_disk(std::string_view content) {
        const bool is_written = fchmod(file_.number(), S_IRUSR | S_IWUSR) == 0 &&
                                write_whole(file_, content, 0) == 0 && fsync(file_.number()) == 0;
        is_on_disk_ = is_written;
        return is_written ? 0 : -1;
    }

  private:
    static std::string directory_of(const std::string& path) {
        const auto last_slash = path.rfind('/');
        return last_slash == std::string::npos ? "." : path.substr(0, last_slash + 1);
    }

    std::string name_;
    Descriptor directory_;
    Descriptor file_;
    bool is_on_disk_ = false;
};

Failure not_made(const std::string& path, int error) {
    return error == EEXIST
               ? input_failure("--qr-file %1 can't be made: %2; choose another name, or remove what is there",
                               printable_path(path), error)
               : input_failure("--qr-file %1 can't be made: %2; name a file in a directory you may write to",
                               printable_path(path), error);
}

bool ends_in(const std::string& path, std::string_view suffix) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    return path.size() >= suffix.size() &&
           std::ranges::equal(path.substr(path.size() - suffix.size()), suffix, {}, lower);
}

}  // namespace

bool is_qr_file_name(const std::string& path) { return ends_in(path, ".png") || ends_in(path, ".svg"); }

SecretBytes qr_png(const QrSymbol& symbol, const QrCaption& caption) {
    return png_of(symbol, title_of(caption));
}

Result<Done> write_qr_file(const std::string& path, const QrSymbol& symbol, const QrCaption& caption) {
    if (!is_qr_file_name(path)) {
        return input_failure(
            tr("--qr-file %1 ends neither in .png nor in .svg; choose one of them", {printable_path(path)}));
    }
    const auto content = ends_in(path, ".svg") ? svg_of(symbol, caption) : qr_png(symbol, caption);
    NewFile file(path);
    if (!file) return not_made(path, errno);
    if (file.put_on_disk(content.text()) != 0) {
        return input_failure("--qr-file %1 can't be written: %2; choose a place with room for it",
                             printable_path(path), errno);
    }
    return Done{};
}

}  // namespace totp
