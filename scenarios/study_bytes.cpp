#include "scenarios/study_bytes.hpp"

#include <cstring>
#include <type_traits>

#include "sim/base/contract.hpp"

namespace windtunnel::scenarios {

namespace {

using base::expects;

class Writer {
 public:
  template <class T>
  requires std::is_arithmetic_v<T> || std::is_enum_v<T>
  void put(const T& value) {
    char raw[sizeof(T)];
    std::memcpy(raw, &value, sizeof(T));
    bytes_.append(raw, sizeof(T));
  }
  void put(const std::string& text) {
    put(text.size());
    bytes_ += text;
  }
  void put(const base::Band& band) {
    put(band.low);
    put(band.high);
    put(band.level);
  }
  void put(const base::Cell& cell) {
    put(static_cast<std::uint8_t>(cell.index()));
    if (const auto* count = std::get_if<std::int64_t>(&cell)) put(*count);
    if (const auto* number = std::get_if<double>(&cell)) put(*number);
    if (const auto* word = std::get_if<std::string>(&cell)) put(*word);
  }
  template <class T>
  void put(const std::vector<T>& items) {
    put(items.size());
    for (const T& item : items) put(item);
  }
  void put(const base::Table& table) {
    put(table.columns);
    put(table.rows);
  }
  template <class T>
  void put(const std::map<std::string, T>& items) {
    put(items.size());
    for (const auto& [key, value] : items) {
      put(key);
      put(value);
    }
  }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  template <class T>
  requires std::is_arithmetic_v<T> || std::is_enum_v<T>
  void get(T& value) { std::memcpy(&value, chunk(sizeof(T)).data(), sizeof(T)); }
  void get(std::string& text) { text = chunk(size()); }
  void get(base::Band& band) {
    get(band.low);
    get(band.high);
    get(band.level);
  }
  void get(base::Cell& cell) {
    std::uint8_t kind = 0;
    get(kind);
    if (kind == 0) cell = std::monostate{};
    if (kind == 1) get(cell.emplace<std::int64_t>());
    if (kind == 2) get(cell.emplace<double>());
    if (kind == 3) get(cell.emplace<std::string>());
    expects(kind <= 3, "a cell of a known kind");
  }
  template <class T>
  void get(std::vector<T>& items) {
    items.resize(size());
    for (T& item : items) get(item);
  }
  void get(base::Table& table) {
    get(table.columns);
    get(table.rows);
  }
  template <class T>
  void get(std::map<std::string, T>& items) {
    for (std::size_t left = size(); left > 0; --left) {
      std::string key;
      get(key);
      get(items[key]);
    }
  }
  bool at_end() const { return rest_.empty(); }

 private:
  std::string_view chunk(std::size_t length) {
    expects(length <= rest_.size(), "a whole outcome");
    const std::string_view front = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return front;
  }
  // Every element takes at least a byte, so no count can be beyond what is left.
  std::size_t size() {
    std::size_t count = 0;
    get(count);
    expects(count <= rest_.size(), "a whole outcome");
    return count;
  }

  std::string_view rest_;
};

}  // namespace

std::string to_bytes(const TimedOutcome& timed) {
  Writer writer;
  const base::Outcome& outcome = timed.outcome;
  writer.put(outcome.status);
  writer.put(outcome.reason);
  writer.put(outcome.facts);
  writer.put(outcome.labels);
  writer.put(outcome.bands);
  writer.put(outcome.rests_on);
  writer.put(outcome.tables);
  writer.put(outcome.warnings);
  writer.put(outcome.events);
  writer.put(timed.wall_s);
  return writer.take();
}

TimedOutcome from_bytes(std::string_view bytes) {
  Reader reader(bytes);
  TimedOutcome timed;
  base::Outcome& outcome = timed.outcome;
  reader.get(outcome.status);
  reader.get(outcome.reason);
  reader.get(outcome.facts);
  reader.get(outcome.labels);
  reader.get(outcome.bands);
  reader.get(outcome.rests_on);
  reader.get(outcome.tables);
  reader.get(outcome.warnings);
  reader.get(outcome.events);
  reader.get(timed.wall_s);
  expects(reader.at_end(), "a whole outcome and nothing more");
  return timed;
}

}  // namespace windtunnel::scenarios
