#include "calibration/kernels/native_table.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>

#include "sim/base/contract.hpp"
#include "sim/base/sha256.hpp"

namespace windtunnel::calibration {
namespace {

constexpr std::size_t kLargestText = std::size_t{2} << 30;  // offsets are 32 bits

bool is_gzip(std::string_view bytes) {
  return bytes.size() >= 2 && bytes[0] == '\x1f' && bytes[1] == '\x8b';
}

// Inflates up to `limit` bytes of text; a sentence where the stream is broken.
struct Inflated {
  std::vector<char> text;
  std::string error;
};
Inflated inflate_gzip(std::string_view bytes, std::size_t limit) {
  Inflated result;
  z_stream stream{};
  if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK) return {{}, "zlib does not start"};
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  result.text.resize(std::clamp<std::size_t>(bytes.size() * 8, 4096, limit));
  std::size_t size = 0;
  while (size < limit) {
    if (size == result.text.size()) result.text.resize(std::min(limit, size * 2));
    stream.next_out = reinterpret_cast<Bytef*>(result.text.data() + size);
    stream.avail_out =
        static_cast<uInt>(std::min<std::size_t>(result.text.size() - size, 1U << 30));
    const auto offered = stream.avail_out;
    const int code = inflate(&stream, Z_NO_FLUSH);
    size += offered - stream.avail_out;
    if (code == Z_STREAM_END) {
      if (stream.avail_in == 0) break;
      inflateReset(&stream);  // next member
    } else if (code == Z_BUF_ERROR ||
               (code == Z_OK && stream.avail_in == 0 && stream.avail_out > 0)) {
      result.error = "the gzip stream ends before its end: the file is cut off";
      break;
    } else if (code != Z_OK) {
      result.error = fmt::format("broken gzip stream ({})", stream.msg ? stream.msg : "no reason");
      break;
    }
  }
  inflateEnd(&stream);
  result.text.resize(size);
  return result;
}

std::string read_bytes(const std::filesystem::path& path, std::size_t at_most) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw base::EnvironmentError(fmt::format("cannot read '{}'", path.string()));
  in.seekg(0, std::ios::end);
  const auto length = in.tellg();
  if (length < 0) throw base::EnvironmentError(fmt::format("cannot read '{}'", path.string()));
  in.seekg(0);
  std::string bytes(std::min(at_most, static_cast<std::size_t>(length)), '\0');
  in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!in) throw base::EnvironmentError(fmt::format("cannot read '{}'", path.string()));
  return bytes;
}

}  // namespace

int NativeTable::column(std::string_view name) const {
  const auto found = std::find(columns_.begin(), columns_.end(), name);
  return found == columns_.end() ? kAbsent : static_cast<int>(found - columns_.begin());
}

bool NativeTable::has(const std::vector<std::string>& names) const {
  return std::all_of(names.begin(), names.end(),
                     [this](const std::string& name) { return column(name) != kAbsent; });
}

std::string_view NativeTable::text(std::size_t row, int column) const {
  if (column < 0) return {};
  const Field& field = fields_[row * columns_.size() + static_cast<std::size_t>(column)];
  return {text_.data() + field.begin, field.size};
}

double NativeTable::number(std::size_t row, int column) const {
  const auto field = text(row, column);
  double value = 0.0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
  const bool whole = error == std::errc() && end == field.data() + field.size();
  return whole && std::isfinite(value) ? value : std::numeric_limits<double>::quiet_NaN();
}

std::int64_t NativeTable::integer(std::size_t row, int column) const {
  const auto field = text(row, column);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
  if (error == std::errc() && end == field.data() + field.size()) return value;
  const double real = number(row, column);
  return real == std::floor(real) && std::abs(real) < 9e15 ? static_cast<std::int64_t>(real)
                                                           : kNoInteger;
}

// Fields of [begin, end); false where a quote stays open.
bool NativeTable::split(std::size_t begin, std::size_t end, std::vector<Field>& fields) const {
  const char* const base = text_.data();
  std::size_t at = begin;
  while (true) {
    const bool quoted = at < end && base[at] == '"';
    std::size_t stop = at;
    if (quoted) {
      for (stop = at + 1; stop < end; ++stop) {
        if (base[stop] != '"') continue;
        if (stop + 1 < end && base[stop + 1] == '"') {
          ++stop;
        } else {
          break;
        }
      }
      if (stop >= end) return false;
      fields.push_back(
          {static_cast<std::uint32_t>(at + 1), static_cast<std::uint32_t>(stop - at - 1)});
      ++stop;
    } else {
      const void* comma = std::memchr(base + at, ',', end - at);
      stop = comma ? static_cast<std::size_t>(static_cast<const char*>(comma) - base) : end;
      fields.push_back({static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(stop - at)});
    }
    if (stop >= end) return true;
    if (base[stop] != ',') return false;
    at = stop + 1;
  }
}

void NativeTable::index(const std::string& name, base::Diagnostics& diagnostics) {
  std::vector<Field> fields;
  std::size_t begin =
      text_.size() >= 3 && std::memcmp(text_.data(), "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
  int line = 0;
  while (begin < text_.size()) {
    ++line;
    const void* feed = std::memchr(text_.data() + begin, '\n', text_.size() - begin);
    const std::size_t next =
        feed ? static_cast<std::size_t>(static_cast<const char*>(feed) - text_.data())
             : text_.size();
    std::size_t end = next;
    if (end > begin && text_[end - 1] == '\r') --end;
    const std::size_t from = begin;
    begin = next + 1;
    if (end == from || text_[from] == '#') continue;
    fields.clear();
    if (!split(from, end, fields)) {
      diagnostics.error({name, line, 1}, "a quote that does not close, or text after one that did");
      continue;
    }
    if (columns_.empty()) {
      for (const Field& field : fields)
        columns_.emplace_back(text_.data() + field.begin, field.size);
      fields_.reserve(text_.size() / std::max<std::size_t>(1, end - from) * fields.size());
      continue;
    }
    if (fields.size() != columns_.size()) {
      diagnostics.error({name, line, 1}, fmt::format("{} fields where the header has {}",
                                                     fields.size(), columns_.size()));
      continue;
    }
    fields_.insert(fields_.end(), fields.begin(), fields.end());
    lines_.push_back(line);
  }
  if (columns_.empty())
    diagnostics.error({name, 0, 0}, "no line of column names: the file is empty");
}

NativeTable parse_native_table(std::string bytes, const std::string& name,
                               base::Diagnostics& diagnostics) {
  NativeTable table;
  table.file_ = {name, base::sha256(bytes), "table"};
  if (is_gzip(bytes)) {
    Inflated inflated = inflate_gzip(bytes, kLargestText);
    if (!inflated.error.empty()) {
      diagnostics.error({name, 0, 0}, inflated.error);
      return table;
    }
    table.text_ = std::move(inflated.text);
  } else {
    table.text_.assign(bytes.begin(), bytes.end());
  }
  if (table.text_.size() >= kLargestText) {
    diagnostics.error({name, 0, 0}, "a table of more than 2 GiB of text");
    return table;
  }
  table.index(name, diagnostics);
  return table;
}

NativeTable read_native_table(const std::filesystem::path& path, base::Diagnostics& diagnostics) {
  return parse_native_table(read_bytes(path, kLargestText), path.filename().string(), diagnostics);
}

std::string native_table_header(const std::filesystem::path& path) {
  constexpr std::size_t kHead = 64 * 1024;
  const std::string bytes = read_bytes(path, kHead);
  std::string text = bytes;
  if (is_gzip(bytes)) {
    const Inflated inflated = inflate_gzip(bytes, kHead);
    text.assign(inflated.text.begin(), inflated.text.end());
  }
  text.resize(std::min(text.size(), text.find('\n')));
  if (!text.empty() && text.back() == '\r') text.pop_back();
  return text;
}

}  // namespace windtunnel::calibration
