#include "enroll/qr_image.h"

#include <array>
#include <cerrno>
#include <clocale>
#include <cwchar>
#include <new>
#include <regex>

#include <malloc.h>
#include <png.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/testing.h"

// ---- what is given back passes here, so that a case can see whether a secret was left in it

namespace {

constexpr std::string_view traces[] = {
    "JBSW Y3DP EHPK",                            // the key
    "M4 4h7v1h-7z",                              // the upper left corner of a picture in SVG
    {"\xff\xff\xff\xff\0\0\0\0\0\0\0\xff", 12},  // a line of it in PNG
};

int blocks_with_traces = 0;

bool holds(void* block, std::string_view trace) {
    return memmem(block, malloc_usable_size(block), trace.data(), trace.size()) != nullptr;
}

void give_back(void* block) noexcept {
    if (block != nullptr && std::ranges::any_of(traces, [&](auto trace) { return holds(block, trace); })) {
        ++blocks_with_traces;
    }
    std::free(block);
}

bool is_disk_broken = false;
constexpr int never = -1;
int blocks_until_none = never;  // how many more blocks are to be had before once there is none

void* take(std::size_t size) {
    const bool is_refused = blocks_until_none == 0;
    if (blocks_until_none != never) --blocks_until_none;
    return is_refused ? nullptr : std::calloc(1, size);
}

}  // namespace

void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return take(size); }
void* operator new(std::size_t size) {
    if (void* block = take(size)) return block;
    throw std::bad_alloc();
}
void operator delete(void* block) noexcept { give_back(block); }
void operator delete(void* block, std::size_t) noexcept { give_back(block); }
void operator delete(void* block, const std::nothrow_t&) noexcept { give_back(block); }

extern "C" int fsync(int) {
    if (!is_disk_broken) return 0;
    errno = EIO;
    return -1;
}

namespace totp::testing {
namespace {

using namespace std::string_literals;

constexpr std::string_view uri =
    "otpauth://totp/example.org:alice?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=example.org";
constexpr std::string_view key = "JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP";

QrSymbol symbol() { return value_of(encode_qr(uri)); }

QrCaption caption_of(const std::string& issuer, const std::string& account) {
    return {.issuer = issuer, .account = account, .key = SecretBytes(key)};
}
QrCaption caption() { return caption_of("example.org", "alice"); }

Result<Done> write(const fs::path& path) { return write_qr_file(path.string(), symbol(), caption()); }

/// What is in the file of this name that a caption gives.
std::string written(const std::string& name, const QrCaption& with = caption()) {
    const TemporaryDirectory directory;
    const auto path = directory.path() / name;
    value_of(write_qr_file(path.string(), symbol(), with));
    return content_of(path);
}

/// How many blocks were given back with a secret in them while `act` ran.
template <class Act>
int unwiped_blocks(Act act) {
    blocks_with_traces = 0;
    act();
    return blocks_with_traces;
}

/// Rows of modules, dark being true; the quiet zone is part of them.
using Modules = std::vector<std::vector<bool>>;

Modules expected_modules() {
    const auto expected = symbol();
    Modules modules(expected.width() + 8, std::vector<bool>(expected.width() + 8));
    for (int row = 0; row < expected.width(); ++row) {
        for (int column = 0; column < expected.width(); ++column) {
            modules[row + 4][column + 4] = expected.is_dark(row, column);
        }
    }
    return modules;
}

// ---- PNG, as a reader sees it

std::uint32_t number_at(const std::string& bytes, std::size_t offset) {
    std::uint32_t number = 0;
    for (std::size_t i = 0; i < 4; ++i)
        number = number << 8 | static_cast<unsigned char>(bytes.at(offset + i));
    return number;
}

struct Chunk {
    std::string type;
    std::string content;
};

std::vector<Chunk> chunks_of(const std::string& png) {
    std::vector<Chunk> chunks;
    for (std::size_t at = 8; at < png.size();) {
        const auto size = number_at(png, at);
        chunks.push_back({png.substr(at + 4, 4), png.substr(at + 8, size)});
        at += size + 12;
    }
    return chunks;
}

std::string chunk_of(const std::string& png, const std::string& type) {
    const auto chunks = chunks_of(png);
    const auto found = std::ranges::find(chunks, type, &Chunk::type);
    claim(found != chunks.end(), "there is a chunk " + type);
    return found->content;
}

/// The brightness of each pixel, 0 to 255, as libpng reads it.
std::vector<std::uint8_t> pixels_of(const std::string& png) {
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    claim(png_image_begin_read_from_memory(&image, png.data(), png.size()) != 0, image.message);
    image.format = PNG_FORMAT_GRAY;
    std::vector<std::uint8_t> pixels(PNG_IMAGE_SIZE(image));
    claim(png_image_finish_read(&image, nullptr, pixels.data(), 0, nullptr) != 0, image.message);
    return pixels;
}

// ---- SVG, as a reader sees it

/// Whether all of it are characters that XML 1.0 §2.2 has.
bool is_xml_text(const std::string& text) {
    if (text.find('\0') != std::string::npos) return false;
    std::wstring characters(text.size() + 1, L'\0');
    const auto size = std::mbstowcs(characters.data(), text.c_str(), characters.size());
    if (size == static_cast<std::size_t>(-1)) return false;
    characters.resize(size);
    return std::ranges::all_of(characters, [](wchar_t c) {
        return c == L'\n' || (c >= 0x20 && c <= 0xD7FF) || (c >= 0xE000 && c <= 0xFFFD) ||
               (c >= 0x10000 && c <= 0x10FFFF);
    });
}

/// Takes one tag, or text up to the next one, off the front of `xml`; the names of open elements are in
/// `open`.
void read_markup(std::string_view& xml, std::vector<std::string>& open) {
    static const std::regex text(R"((?:[^<&>]|&(?:amp|lt|gt);)+)");
    static const std::regex tag(R"(<([a-z]+)(?: [a-zA-Z-]+="[^"<&]*")*(/?)>)");
    static const std::regex end_tag(R"(</([a-z]+)>)");
    std::cmatch match;
    const auto starts_with = [&](const std::regex& form) {
        return std::regex_search(xml.data(), xml.data() + xml.size(), match, form,
                                 std::regex_constants::match_continuous);
    };
    if (starts_with(tag)) {
        if (match[2].length() == 0) open.push_back(match[1]);
    } else if (starts_with(end_tag)) {
        claim(!open.empty() && open.back() == match[1], "it ends the element " + match[1].str());
        open.pop_back();
    } else {
        claim(starts_with(text) && !open.empty(), "this is text: " + std::string(xml.substr(0, 80)));
    }
    xml.remove_prefix(static_cast<std::size_t>(match[0].length()));
}

void assert_well_formed(const std::string& svg) {
    claim(is_xml_text(svg), "it is XML text: " + svg);
    constexpr std::string_view declaration = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
    std::string_view xml = svg;
    claim(xml.starts_with(declaration) && xml.ends_with("</svg>\n"), "it is an SVG document");
    xml.remove_prefix(declaration.size());
    xml.remove_suffix(1);
    std::vector<std::string> open;
    do read_markup(xml, open);
    while (!open.empty());
    claim(xml.empty(), "nothing stands behind the root element");
}

std::string unescaped(std::string text) {
    for (const auto& [entity, character] :
         {std::pair("&lt;", "<"), std::pair("&gt;", ">"), std::pair("&amp;", "&")}) {
        for (auto at = text.find(entity); at != std::string::npos; at = text.find(entity, at + 1)) {
            text.replace(at, std::strlen(entity), character);
        }
    }
    return text;
}

/// The texts of all elements of one name.
std::vector<std::string> texts_of(const std::string& svg, const std::string& element) {
    const std::regex form("<" + element + "(?: [^>]*)?>([^<]*)</" + element + ">");
    std::vector<std::string> texts;
    for (std::sregex_iterator match(svg.begin(), svg.end(), form), end; match != end; ++match) {
        texts.push_back(unescaped((*match)[1]));
    }
    return texts;
}

std::string only_title(const std::string& svg) {
    const auto titles = texts_of(svg, "title");
    assert_int_equal(titles.size(), 1);
    return titles.front();
}

/// What the path paints on a ground of `side` modules.
Modules painted(const std::string& svg, int side) {
    static const std::regex run(R"(M(\d+) (\d+)h(\d+)v1h-(\d+)z)");
    Modules modules(side, std::vector<bool>(side));
    for (std::sregex_iterator match(svg.begin(), svg.end(), run), end; match != end; ++match) {
        claim((*match)[3] == (*match)[4], "the path is closed where it began");
        const auto row = std::stoi((*match)[2]);
        const auto column = std::stoi((*match)[1]);
        for (int i = 0; i < std::stoi((*match)[3]); ++i) modules.at(row).at(column + i) = true;
    }
    return modules;
}

// ---- names

void a_name_must_end_in_png_or_svg_in_any_case(void**) {
    for (const auto* name : {"a.png", "a.svg", "/x/y.PNG", "b.Svg", "a.txt.png"}) {
        claim(is_qr_file_name(name), name);
    }
    for (const auto* name : {"", "png", "svg", "a.pngx", "a.png/", "a.gif", "a.png.gz", "a.sv", "apng"}) {
        claim(!is_qr_file_name(name), name);
    }
}

void refuses_another_kind_of_file_and_makes_none(void**) {
    const TemporaryDirectory directory;
    const auto path = directory.path() / "qr.gif";
    assert_failure(write(path), Trouble::input,
                   "--qr-file " + path.string() + " ends neither in .png nor in .svg; choose one of them");
    claim(fs::is_empty(directory.path()), "no file was made");
}

void the_end_of_the_name_chooses_the_format(void**) {
    for (const auto* name : {"qr.png", "qr.PNG"}) claim(written(name).starts_with("\x89PNG\r\n\x1a\n"), name);
    for (const auto* name : {"qr.svg", "qr.Svg"}) claim(written(name).starts_with("<?xml "), name);
}

// ---- the file

void only_the_owner_may_read_and_write_it_whatever_the_umask(void**) {
    const TemporaryDirectory directory;
    for (const mode_t mask : {0000, 0022, 0077, 0777}) {
        const auto path = directory.path() / (std::to_string(mask) + ".png");
        const auto before = umask(mask);
        const auto made = write(path);
        umask(before);
        value_of(made);
        assert_int_equal(fs::status(path).permissions(), 0600);
    }
}

constexpr const char* there_already =
    "can't be made: File exists; choose another name, or remove what is there";

void leaves_a_file_that_is_there_as_it_is(void**) {
    const TemporaryDirectory directory;
    for (const auto* name : {"qr.png", "qr.svg"}) {
        const auto path = directory.path() / name;
        write_file(path, "mine", 0644);
        assert_failure(write(path), Trouble::input, "--qr-file " + path.string() + " " + there_already);
        assert_text(content_of(path), "mine");
        assert_int_equal(fs::status(path).permissions(), 0644);
    }
}

void leaves_a_link_that_is_there_as_it_is(void**) {
    const TemporaryDirectory directory;
    write_file(directory.path() / "target", "mine");
    const auto path = directory.path() / "qr.png";
    fs::create_symlink("target", path);
    assert_failure(write(path), Trouble::input, there_already);
    assert_text(content_of(directory.path() / "target"), "mine");
    claim(fs::is_symlink(path), "the link is there");
}

void follows_no_link_to_a_file_that_is_not_there(void**) {
    const TemporaryDirectory directory;
    const auto path = directory.path() / "qr.png";
    fs::create_symlink("target", path);
    assert_failure(write(path), Trouble::input, there_already);
    claim(!fs::exists(directory.path() / "target"), "no target was made");
    claim(fs::is_symlink(path), "the link is there");
}

void leaves_a_directory_that_is_there_as_it_is(void**) {
    const TemporaryDirectory directory;
    const auto path = directory.path() / "qr.png";
    fs::create_directory(path);
    assert_failure(write(path), Trouble::input, there_already);
    claim(fs::is_directory(path), "the directory is there");
}

void says_why_no_file_can_be_made_there(void**) {
    const TemporaryDirectory directory;
    write_file(directory.path() / "file", "");
    const std::string way_out = "; name a file in a directory you may write to";
    const auto nowhere = directory.path() / "nowhere" / "qr.png";
    assert_failure(write(nowhere), Trouble::input,
                   "--qr-file " + nowhere.string() + " can't be made: No such file or directory" + way_out);
    const auto below_a_file = directory.path() / "file" / "qr.png";
    assert_failure(write(below_a_file), Trouble::input, "can't be made: Not a directory" + way_out);
}

void a_name_without_directory_is_in_the_working_directory(void**) {
    const TemporaryDirectory directory;
    const auto before = fs::current_path();
    fs::current_path(directory.path());
    const auto made = write("qr.png");
    fs::current_path(before);
    value_of(made);
    claim(fs::exists(directory.path() / "qr.png"), "it is there");
}

void a_name_that_would_upset_the_terminal_is_shown_printable(void**) {
    assert_failure(write("/nowhere\033[2J\n/qr.png"), Trouble::input,
                   "--qr-file /nowhere%1B[2J%0A/qr.png can't");
}

/// Files may not grow beyond so many bytes.
class FileSizeLimit {
  public:
    explicit FileSizeLimit(rlim_t size) {
        getrlimit(RLIMIT_FSIZE, &before_);
        const rlimit limit{.rlim_cur = size, .rlim_max = before_.rlim_max};
        setrlimit(RLIMIT_FSIZE, &limit);
    }
    FileSizeLimit(const FileSizeLimit&) = delete;
    FileSizeLimit& operator=(const FileSizeLimit&) = delete;
    ~FileSizeLimit() { setrlimit(RLIMIT_FSIZE, &before_); }

  private:
    rlimit before_{};
};

void a_file_that_cannot_be_written_whole_is_removed_again(void**) {
    const TemporaryDirectory directory;
    for (const auto* name : {"qr.png", "qr.svg"}) {
        const auto path = directory.path() / name;
        const auto made = [&] {
            const FileSizeLimit limit(100);
            return write(path);
        }();
        assert_failure(made, Trouble::input,
                       "--qr-file " + path.string() +
                           " can't be written: File too large; choose a place with room for it");
        claim(fs::is_empty(directory.path()), "no file is left");
    }
}

void a_file_that_the_disk_did_not_take_is_removed_again(void**) {
    const TemporaryDirectory directory;
    is_disk_broken = true;
    const auto made = write(directory.path() / "qr.png");
    is_disk_broken = false;
    assert_failure(made, Trouble::input, "can't be written: Input/output error");
    claim(fs::is_empty(directory.path()), "no file is left");
}

/// Whether the file was made although, once, there was no memory for a block.
bool is_made_despite(int blocks_before, const std::string& path, const QrSymbol& of, const QrCaption& with) {
    try {
        blocks_until_none = blocks_before;
        return static_cast<bool>(write_qr_file(path, of, with));
    } catch (const std::exception&) {
        return false;
    }
}

void a_lack_of_memory_anywhere_leaves_a_whole_file_or_none(void**) {
    const TemporaryDirectory directory;
    const auto of = symbol();
    const auto with = caption();
    for (const auto* name : {"qr.png", "qr.svg"}) {
        const auto path = (directory.path() / name).string();
        const auto whole = written(name);
        int lacks = 0;
        for (bool has_lacked = true; has_lacked; ++lacks) {
            bool is_made = false;
            assert_int_equal(unwiped_blocks([&] { is_made = is_made_despite(lacks, path, of, with); }), 0);
            has_lacked = blocks_until_none == never;
            blocks_until_none = never;
            claim(is_made ? content_of(path) == whole : !fs::exists(path), "whole or none");
            claim(is_made || has_lacked, "it is made if nothing lacks");
            fs::remove(path);
        }
        claim(lacks > 10, "memory lacked in many places");
    }
}

// ---- PNG

void each_module_is_eight_by_eight_pixels_of_a_png(void**) {
    const auto modules = expected_modules();
    const auto pixels = pixels_of(written("qr.png"));
    const auto side = modules.size() * 8;
    assert_int_equal(pixels.size(), side * side);
    for (std::size_t i = 0; i < pixels.size(); ++i) {
        assert_int_equal(pixels[i], modules[i / side / 8][i % side / 8] ? 0 : 255);
    }
}

void a_png_has_one_bit_a_pixel_and_prints_at_300_dpi(void**) {
    const auto png = written("qr.png");
    const auto header = chunk_of(png, "IHDR");
    assert_int_equal(number_at(header, 0), expected_modules().size() * 8);
    assert_int_equal(number_at(header, 4), expected_modules().size() * 8);
    claim(header.substr(8) == "\1\0\0\0\0"s, "one bit, grey, not interlaced");
    const auto resolution = chunk_of(png, "pHYs");
    assert_int_equal(number_at(resolution, 0), 11'811);
    assert_int_equal(number_at(resolution, 4), 11'811);
    assert_int_equal(resolution.at(8), 1);
}

void a_png_is_titled_with_issuer_and_account_and_not_the_key(void**) {
    const auto png = written("qr.png");
    claim(chunk_of(png, "tEXt") == "Title\0One-time codes: example.org, alice"s, "titled");
    claim(png.find("JBSW") == std::string::npos, "the key stands in no text");
}

void a_title_that_is_not_ascii_is_utf8_in_a_png(void**) {
    const auto title = chunk_of(written("qr.png", caption_of("Zürich", "a\xff\nb")), "iTXt");
    claim(title == "Title\0\0\0\0\0"s + "One-time codes: Zürich, a\uFFFD\uFFFDb", title);
}

// ---- SVG

void an_svg_paints_the_modules_with_a_quiet_zone_of_four(void**) {
    const auto svg = written("qr.svg");
    const auto modules = expected_modules();
    const auto side = std::to_string(modules.size());
    claim(painted(svg, static_cast<int>(modules.size())) == modules, "the modules are painted");
    claim(svg.find("<svg width=\"600\" height=\"600\" viewBox=\"0 0 " + side + " " + side + "\">") !=
              std::string::npos,
          "the picture is as wide as the page");
}

void an_svg_is_60_mm_wide_and_has_room_for_all_lines(void**) {
    const auto svg = written("qr.svg");
    static const std::regex page(
        R"re(<svg xmlns="http://www.w3.org/2000/svg" width="60mm" height="(\d+)mm" viewBox="0 0 600 (\d+)">)re");
    static const std::regex baseline(R"re(<text x="\d+" y="(\d+)")re");
    std::smatch match;
    claim(std::regex_search(svg, match, page), svg.substr(0, 200));
    const auto height = std::stoi(match[2]);
    assert_int_equal(std::stoi(match[1]) * 10, height);
    int last = 600;
    for (std::sregex_iterator line(svg.begin(), svg.end(), baseline), end; line != end; ++line) {
        const auto y = std::stoi((*line)[1]);
        claim(y >= last + 30 && y <= height - 10, "the line has room");
        last = y;
    }
}

void an_svg_shows_issuer_account_and_the_key_in_groups_of_four(void**) {
    const auto svg = written("qr.svg");
    assert_well_formed(svg);
    assert_text(only_title(svg), "One-time codes: example.org, alice");
    claim(texts_of(svg, "text") ==
              std::vector<std::string>{"example.org", "alice", "JBSW Y3DP EHPK 3PXP", "JBSW Y3DP EHPK 3PXP"},
          svg);
}

void a_caption_without_issuer_has_no_line_for_it(void**) {
    const auto svg = written("qr.svg", caption_of("", "alice"));
    assert_text(only_title(svg), "One-time codes: alice");
    assert_text(texts_of(svg, "text").front(), "alice");
}

void what_is_markup_elsewhere_is_text_in_an_svg(void**) {
    for (const std::string text :
         {"<b>&amp;\"'</b>", "]]>", "<!-- &", "</text></svg>", "&#0;", "<?x?>", "Zürich & Söhne"}) {
        const auto svg = written("qr.svg", caption_of(text, text));
        assert_well_formed(svg);
        assert_text(texts_of(svg, "text").at(0), text);
        assert_text(texts_of(svg, "text").at(1), text);
        assert_text(only_title(svg), "One-time codes: " + text + ", " + text);
    }
}

void any_character_of_unicode_is_kept_in_an_svg(void**) {
    for (const std::string text : {"日本", "\u00A0", "\u07FF", "\u0800", "\uD7FF", "\uE000", "\uFFFD",
                                   "\U00010000", "\U0010FFFF", "~", " x"}) {
        const auto svg = written("qr.svg", caption_of(text, "alice"));
        assert_well_formed(svg);
        assert_text(texts_of(svg, "text").front(), text);
    }
}

void bytes_that_are_no_characters_are_replaced_in_an_svg(void**) {
    const std::string one = "\uFFFD";
    const std::pair<std::string, std::string> cases[] = {
        {"\0"s, one},
        {"\1\n\r\t\x1F\x7F", one + one + one + one + one + one},
        {"\x80", one},                                // a second byte alone
        {"\xFF\xFE", one + one},                      //
        {"\xE2\x82", one + one},                      // cut short
        {"\xE2\x82z", one + one + "z"},               //
        {"\xC0\xAF", one + one},                      // longer than need be
        {"\xC1\xBF", one + one},                      //
        {"\xE0\x9F\xBF", one + one + one},            //
        {"\xF0\x8F\xBF\xBD", one + one + one + one},  //
        {"\xED\xA0\x80", one + one + one},            // surrogates
        {"\xED\xBF\xBF", one + one + one},            //
        {"\xEF\xBF\xBE", one + one + one},            // U+FFFE
        {"\xEF\xBF\xBF", one + one + one},            //
        {"\xF4\x90\x80\x80", one + one + one + one},  // behind the last one
        {"\xF8\x88\x80\x80\x80", one + one + one + one + one},
        {"\xC2\x9F", one + one},  // a control
    };
    for (const auto& [bytes, expected] : cases) {
        const auto svg = written("qr.svg", caption_of("a" + bytes, bytes + "b"));
        assert_well_formed(svg);
        assert_text(texts_of(svg, "text").at(0), "a" + expected);
        assert_text(texts_of(svg, "text").at(1), expected + "b");
    }
}

void an_svg_is_well_formed_whatever_two_bytes_a_caption_holds(void**) {
    for (int first = 0; first < 256; first += 3) {
        std::string account;
        for (int second = 0; second < 256; ++second)
            account += {static_cast<char>(first), static_cast<char>(second)};
        QrCaption with = caption_of("example.org", account);
        with.key.append(account);
        assert_well_formed(written("qr.svg", with));
    }
}

void long_texts_go_on_in_the_next_line(void**) {
    const std::string words = "an issuer of some length, that is more than a line of thirty has room for";
    const auto lines = texts_of(written("qr.svg", caption_of(words, std::string(70, 'x'))), "text");
    const std::vector<std::string> expected = {"an issuer of some length, that",
                                               "is more than a line of thirty",
                                               "has room for",
                                               std::string(30, 'x'),
                                               std::string(30, 'x'),
                                               std::string(10, 'x')};
    claim(std::ranges::equal(std::span(lines).first(6), expected), lines.at(1));
}

void wide_characters_count_twice_for_a_line(void**) {
    std::string fifteen;
    for (int i = 0; i < 15; ++i) fifteen += "\u8A9E";
    const auto lines = texts_of(written("qr.svg", caption_of(fifteen + "\u8A9E", "alice")), "text");
    assert_text(lines.at(0), fifteen);
    assert_text(lines.at(1), "\u8A9E");
}

void no_line_of_a_long_key_breaks_a_group(void**) {
    auto with = caption();
    with.key = SecretBytes(std::string_view("AAAA BBBB CCCC DDDD EEEE FFFF GGGG HHHH IIII JJJJ K"));
    const auto lines = texts_of(written("qr.svg", with), "text");
    claim(std::ranges::equal(
              std::span(lines).subspan(2),
              std::vector<std::string>{"AAAA BBBB CCCC DDDD", "EEEE FFFF GGGG HHHH", "IIII JJJJ K"}),
          lines.at(2));
}

// ---- picture and key are secrets

void this_test_notices_a_secret_that_is_left(void**) {
    for (const auto trace : traces) {
        assert_int_equal(unwiped_blocks([&] { std::string left(std::string(20, ' ') + std::string(trace)); }),
                         1);
    }
}

void leaves_no_secret_in_memory_it_gives_back(void**) {
    const TemporaryDirectory directory;
    assert_int_equal(unwiped_blocks([&] { value_of(write(directory.path() / "qr.svg")); }), 0);
    assert_int_equal(unwiped_blocks([&] { value_of(write(directory.path() / "qr.png")); }), 0);
}

}  // namespace
}  // namespace totp::testing

int main() {
    using namespace totp::testing;
    claim(std::setlocale(LC_CTYPE, "C.UTF-8") != nullptr, "UTF-8 can be read");
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_name_must_end_in_png_or_svg_in_any_case),
        cmocka_unit_test(refuses_another_kind_of_file_and_makes_none),
        cmocka_unit_test(the_end_of_the_name_chooses_the_format),
        cmocka_unit_test(only_the_owner_may_read_and_write_it_whatever_the_umask),
        cmocka_unit_test(leaves_a_file_that_is_there_as_it_is),
        cmocka_unit_test(leaves_a_link_that_is_there_as_it_is),
        cmocka_unit_test(follows_no_link_to_a_file_that_is_not_there),
        cmocka_unit_test(leaves_a_directory_that_is_there_as_it_is),
        cmocka_unit_test(says_why_no_file_can_be_made_there),
        cmocka_unit_test(a_name_without_directory_is_in_the_working_directory),
        cmocka_unit_test(a_name_that_would_upset_the_terminal_is_shown_printable),
        cmocka_unit_test(a_file_that_cannot_be_written_whole_is_removed_again),
        cmocka_unit_test(a_file_that_the_disk_did_not_take_is_removed_again),
        cmocka_unit_test(a_lack_of_memory_anywhere_leaves_a_whole_file_or_none),
        cmocka_unit_test(each_module_is_eight_by_eight_pixels_of_a_png),
        cmocka_unit_test(a_png_has_one_bit_a_pixel_and_prints_at_300_dpi),
        cmocka_unit_test(a_png_is_titled_with_issuer_and_account_and_not_the_key),
        cmocka_unit_test(a_title_that_is_not_ascii_is_utf8_in_a_png),
        cmocka_unit_test(an_svg_paints_the_modules_with_a_quiet_zone_of_four),
        cmocka_unit_test(an_svg_is_60_mm_wide_and_has_room_for_all_lines),
        cmocka_unit_test(an_svg_shows_issuer_account_and_the_key_in_groups_of_four),
        cmocka_unit_test(a_caption_without_issuer_has_no_line_for_it),
        cmocka_unit_test(what_is_markup_elsewhere_is_text_in_an_svg),
        cmocka_unit_test(any_character_of_unicode_is_kept_in_an_svg),
        cmocka_unit_test(bytes_that_are_no_characters_are_replaced_in_an_svg),
        cmocka_unit_test(an_svg_is_well_formed_whatever_two_bytes_a_caption_holds),
        cmocka_unit_test(long_texts_go_on_in_the_next_line),
        cmocka_unit_test(wide_characters_count_twice_for_a_line),
        cmocka_unit_test(no_line_of_a_long_key_breaks_a_group),
        cmocka_unit_test(this_test_notices_a_secret_that_is_left),
        cmocka_unit_test(leaves_no_secret_in_memory_it_gives_back),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
