#include "reports/table.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

#include "reports/escape.hpp"
#include "reports/text_layout.hpp"

namespace windtunnel::reports {
namespace {

constexpr std::size_t kGap = 2;
constexpr std::size_t kLeastWidth = 8;  // a column of words is not cut below this
constexpr std::string_view kBold = "\x1b[1m";
constexpr std::string_view kGreen = "\x1b[1;32m";
constexpr std::string_view kRed = "\x1b[31m";
constexpr std::string_view kDim = "\x1b[2m";
constexpr std::string_view kPlain = "\x1b[0m";

class TextTable {
 public:
  TextTable(const ViewTable& table, const TextOptions& options) : table_(table), options_(options) {
    measure();
  }

  std::string render() {
    std::string out;
    const auto blocks = break_into_blocks();
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      if (i > 0) out += "\n";
      out += render_block(blocks[i]);
    }
    return out;
  }

 private:
  using Columns = std::vector<std::size_t>;

  std::size_t limit() const { return static_cast<std::size_t>(std::max(options_.width, 20)); }

  static bool is_sign(Mark mark) { return mark == Mark::best || mark == Mark::near_best; }

  void measure() {
    const std::size_t count = table_.columns.size();
    signs_.assign(count, 0);
    for (std::size_t c = 0; c < count; ++c)
      widths_.push_back(display_width(one_line(table_.columns[c].title)));
    for (const auto& row : table_.rows) {
      for (std::size_t c = 0; c < std::min(count, row.size()); ++c) {
        widths_[c] = std::max(widths_[c], display_width(one_line(row[c].text)));
        if (is_sign(row[c].mark)) signs_[c] = 2;
      }
    }
  }

  std::size_t width_of(std::size_t column) const { return widths_[column] + signs_[column]; }
  std::size_t width_of(const Columns& columns) const {
    std::size_t total = columns.empty() ? 0 : kGap * (columns.size() - 1);
    for (const std::size_t column : columns) total += width_of(column);
    return total;
  }

  // Columns that stay together: those of one group, or one alone.
  std::vector<Columns> units() const {
    std::vector<Columns> out;
    for (std::size_t c = std::min(table_.key_columns, table_.columns.size());
         c < table_.columns.size(); ++c) {
      const std::string& group = table_.columns[c].group;
      const bool joins =
          !group.empty() && !out.empty() && table_.columns[out.back().front()].group == group;
      if (joins) {
        out.back().push_back(c);
      } else {
        out.push_back({c});
      }
    }
    return out;
  }

  std::vector<Columns> break_into_blocks() {
    Columns keys(std::min(table_.key_columns, table_.columns.size()));
    std::iota(keys.begin(), keys.end(), std::size_t{0});
    Columns all(table_.columns.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    if (width_of(all) > limit()) shrink(all);
    if (width_of(all) <= limit()) return {all};
    std::vector<Columns> blocks;
    Columns block = keys;
    for (const Columns& unit : units()) {
      Columns longer = block;
      longer.insert(longer.end(), unit.begin(), unit.end());
      if (width_of(longer) > limit() && block.size() > keys.size()) {
        blocks.push_back(block);
        longer = keys;
        longer.insert(longer.end(), unit.begin(), unit.end());
      }
      block = std::move(longer);
    }
    blocks.push_back(block);
    return blocks;
  }

  // Takes width from the widest columns of words, if that makes all of them fit.
  void shrink(const Columns& columns) {
    const auto before = widths_;
    while (width_of(columns) > limit()) {
      std::size_t widest = table_.columns.size();
      for (const std::size_t c : columns) {
        const bool can = table_.columns[c].align == Align::left &&
                         widths_[c] > std::max<std::size_t>(kLeastWidth * 3,
                                                            display_width(table_.columns[c].title));
        if (can && (widest == table_.columns.size() || widths_[c] > widths_[widest])) widest = c;
      }
      if (widest == table_.columns.size()) {
        widths_ = before;
        cut_keys();
        return;
      }
      --widths_[widest];
    }
  }

  // Names so long that nothing fits beside them are cut.
  void cut_keys() {
    for (std::size_t c = 0; c < table_.columns.size(); ++c) {
      if (table_.columns[c].align == Align::left)
        widths_[c] = std::min(widths_[c], std::max(limit() / 2, kLeastWidth));
    }
  }

  std::string colored(std::string_view text, std::string_view color) const {
    if (options_.color == Color::off || color.empty()) return std::string(text);
    return std::string(color) + std::string(text) + std::string(kPlain);
  }

  static std::string_view color_of(Mark mark) {
    switch (mark) {
      case Mark::none:
        return "";
      case Mark::best:
      case Mark::near_best:
        return kGreen;
      case Mark::bad:
        return kRed;
      case Mark::muted:
        return kDim;
    }
    return "";
  }

  std::string padded(const ViewCell& cell, std::size_t column) const {
    const std::string text = cut(one_line(cell.text), widths_[column]);
    const std::size_t free = widths_[column] - std::min(widths_[column], display_width(text));
    std::string sign = spaces(signs_[column]);
    if (is_sign(cell.mark)) sign = cell.mark == Mark::best ? " *" : " ~";
    const std::string shown = colored(text, color_of(cell.mark));
    const bool left = table_.columns[column].align == Align::left;
    return left ? shown + sign + spaces(free) : spaces(free) + shown + sign;
  }

  static std::string trimmed(std::string line) {
    line.erase(line.find_last_not_of(' ') + 1);
    return line + "\n";
  }

  // Neighbouring columns of one group, or one column without a group.
  std::vector<Columns> groups_of(const Columns& block) const {
    std::vector<Columns> out;
    for (const std::size_t column : block) {
      const std::string& group = table_.columns[column].group;
      const bool joins =
          !group.empty() && !out.empty() && table_.columns[out.back().front()].group == group;
      if (!joins) out.emplace_back();
      out.back().push_back(column);
    }
    return out;
  }

  // Group names centred over their columns, long ones on several lines; a group whose columns are
  // narrower than a word of its name is widened.
  std::string group_lines(const Columns& block) {
    const auto groups = groups_of(block);
    std::vector<std::vector<std::string>> names;
    std::size_t height = 0;
    for (const Columns& members : groups) {
      names.push_back(lines_of(one_line(table_.columns[members.front()].group), width_of(members)));
      height = std::max(height, names.back().size());
      for (const std::string& line : names.back()) {
        const std::size_t width = width_of(members);
        if (display_width(line) > width) widths_[members.back()] += display_width(line) - width;
      }
    }
    std::string out;
    for (std::size_t row = 0; row < height; ++row) {
      std::string line;
      for (std::size_t g = 0; g < groups.size(); ++g) {
        const std::size_t above =
            height - names[g].size();  // names stand on the columns, not on the top
        const std::string name = row < above ? "" : names[g][row - above];
        const std::size_t free = width_of(groups[g]) - display_width(name);
        line += spaces(g > 0 ? kGap : 0) + spaces(free / 2) +
                colored(name, name.empty() ? "" : kBold) + spaces(free - free / 2);
      }
      out += trimmed(line);
    }
    return out;
  }

  std::string render_block(const Columns& block) {
    std::string out = group_lines(block);
    std::string titles;
    std::string rule;
    for (std::size_t i = 0; i < block.size(); ++i) {
      const std::size_t c = block[i];
      const std::string gap = spaces(i > 0 ? kGap : 0);
      titles += gap + padded({table_.columns[c].title, Mark::none}, c);
      rule += gap;
      for (std::size_t k = 0; k < width_of(c); ++k) rule += "─";
    }
    out += trimmed(titles) + colored(rule, kDim) + "\n";
    for (const auto& row : table_.rows) out += row_lines(block, row);
    return out;
  }

  // A last column of words that is too long goes on below itself; other columns are cut.
  std::string row_lines(const Columns& block, const std::vector<ViewCell>& row) const {
    std::string line;
    std::vector<std::string> below;
    for (std::size_t i = 0; i < block.size(); ++i) {
      const std::size_t c = block[i];
      ViewCell cell = c < row.size() ? row[c] : ViewCell{};
      const bool words = i > 0 && i + 1 == block.size() && !is_sign(cell.mark) &&
                         table_.columns[c].align == Align::left;
      if (words && display_width(one_line(cell.text)) > widths_[c]) {
        below = lines_of(cell.text, widths_[c]);
        cell.text = below.front();
        below.erase(below.begin());
      }
      line += spaces(i > 0 ? kGap : 0) + padded(cell, c);
    }
    std::string out = trimmed(line);
    for (const std::string& more : below) {
      const std::size_t column = block.back();
      const Columns before(block.begin(), block.end() - 1);
      const ViewCell cell{more, row[column].mark};
      out += trimmed(spaces(width_of(before) + kGap) + padded(cell, column));
    }
    return out;
  }

  const ViewTable& table_;
  TextOptions options_;
  std::vector<std::size_t> widths_;
  std::vector<std::size_t> signs_;  // columns kept for a sign behind the text
};

std::string heading(const std::string& text, const TextOptions& options) {
  const std::string clean = one_line(text);
  return options.color == Color::on ? std::string(kBold) + clean + std::string(kPlain) + "\n"
                                    : clean + "\n";
}

std::string headline_lines(const View& view, std::size_t width) {
  std::size_t label = 0;
  for (const HeadlineFact& fact : view.headline)
    label = std::max(label, display_width(one_line(fact.label)));
  std::string out;
  for (const HeadlineFact& fact : view.headline) {
    const std::string name = one_line(fact.label);
    std::string line = name + spaces(label - display_width(name) + kGap) + one_line(fact.value);
    if (!fact.note.empty()) line += spaces(kGap) + one_line(fact.note);
    out += display_width(line) > width ? wrapped(line, width, "  ") : line + "\n";
  }
  return out;
}

std::string section_text(const Section& section, const TextOptions& options, std::size_t width) {
  std::string body;
  for (const ViewTable& table : section.tables) {
    if (table.detail != Detail::headline || table.rows.empty()) continue;
    if (!table.title.empty() && table.title != section.title) body += one_line(table.title) + "\n";
    body += to_text(table, options);
  }
  if (body.empty()) return "";
  std::string out = "\n" + heading(section.title, options);
  for (const std::string& paragraph : section.paragraphs) out += wrapped(paragraph, width, "");
  return out + body;
}

}  // namespace

std::string to_text(const ViewTable& table, const TextOptions& options) {
  const auto width = static_cast<std::size_t>(std::max(options.width, 20));
  std::string out = TextTable(table, options).render();
  for (const std::string& note : table.notes) out += wrapped("  " + note, width, "    ");
  return out;
}

std::string to_text(const View& view, const TextOptions& options) {
  const auto width = static_cast<std::size_t>(std::max(options.width, 20));
  std::string out = heading(view.title, options);
  for (const std::string& sentence : view.summary) out += wrapped(sentence, width, "  ");
  out += headline_lines(view, width);
  for (const Section& section : view.sections) out += section_text(section, options, width);
  if (!view.grounds.empty()) out += "\n";
  for (const std::string& ground : view.grounds) out += wrapped(ground, width, "  ");
  if (options.warnings == Warnings::shown) {
    for (const std::string& warning : view.warnings)
      out += wrapped("warning: " + warning, width, "  ");
  }
  return out;
}

std::string to_text(const Result& result, const TextOptions& options) {
  return to_text(make_view(result), options);
}

}  // namespace windtunnel::reports
