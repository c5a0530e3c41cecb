#include "calibration/csv.hpp"

#include <charconv>
#include <cmath>

namespace windtunnel::calibration {
namespace {

class CsvReader {
 public:
  CsvReader(std::string_view text, const std::string& file, base::Diagnostics& diagnostics)
      : text_(text), file_(file), diagnostics_(diagnostics) {
    if (text_.starts_with("\xEF\xBB\xBF")) text_.remove_prefix(3);
  }

  std::vector<CsvRow> read() {
    std::vector<CsvRow> rows;
    while (at_ < text_.size()) {
      CsvRow row = read_row();
      const bool blank = row.fields.size() == 1 && row.fields[0].text.empty();
      if (!blank && !row.fields[0].text.starts_with('#')) rows.push_back(std::move(row));
    }
    return rows;
  }

 private:
  bool at_line_end() const {
    return at_ >= text_.size() || text_[at_] == '\n' || text_[at_] == '\r';
  }

  void skip_line_end() {
    if (at_ < text_.size() && text_[at_] == '\r') ++at_;
    if (at_ < text_.size() && text_[at_] == '\n') ++at_;
    new_line();
  }

  void new_line() {
    ++line_;
    line_start_ = at_;
  }

  CsvRow read_row() {
    CsvRow row;
    row.line = line_;
    for (;;) {
      row.fields.push_back(read_field());
      if (at_ < text_.size() && text_[at_] == ',') {
        ++at_;
        continue;
      }
      skip_line_end();
      return row;
    }
  }

  CsvField read_field() {
    CsvField field;
    field.column = static_cast<int>(at_ - line_start_) + 1;
    if (at_ < text_.size() && text_[at_] == '"') {
      read_quoted(field);
    }
    while (!at_line_end() && text_[at_] != ',') field.text += text_[at_++];
    return field;
  }

  void read_quoted(CsvField& field) {
    const base::SourceLocation opened{file_, line_, field.column};
    ++at_;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '"') {
        if (at_ < text_.size() && text_[at_] == '"') {
          ++at_;
        } else {
          return;
        }
      }
      field.text += c;
      if (c == '\n') new_line();
    }
    diagnostics_.error(opened, "this quoted field is never closed");
  }

  std::string_view text_;
  const std::string& file_;
  base::Diagnostics& diagnostics_;
  std::size_t at_ = 0;
  std::size_t line_start_ = 0;
  int line_ = 1;
};

}  // namespace

std::optional<double> number(const std::string& text) {
  double value = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  if (!whole || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::vector<CsvRow> parse_csv(std::string_view text, const std::string& file,
                              base::Diagnostics& diagnostics) {
  return CsvReader(text, file, diagnostics).read();
}

}  // namespace windtunnel::calibration
