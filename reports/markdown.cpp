#include "reports/markdown.hpp"

#include "reports/escape.hpp"

namespace windtunnel::reports {
namespace {

std::string cell(const ViewCell& cell) {
  const std::string text = markdown_escape(cell.text);
  switch (cell.mark) {
    case Mark::best:
      return "**" + text + "** \\*";
    case Mark::near_best:
      return "**" + text + "** \\~";
    case Mark::none:
    case Mark::bad:
    case Mark::muted:
      return text;
  }
  return text;
}

// Markdown has one line of titles: the group goes in front of the title.
std::string title(const ViewColumn& column) {
  return markdown_escape(column.group.empty() ? column.title : column.group + " " + column.title);
}

std::string list(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += "- " + markdown_escape(line) + "\n";
  return out.empty() ? out : out + "\n";
}

}  // namespace

std::string to_markdown(const ViewTable& table) {
  std::string head = "|";
  std::string rule = "|";
  for (const ViewColumn& column : table.columns) {
    head += " " + title(column) + " |";
    rule += column.align == Align::left ? " :--- |" : " ---: |";
  }
  std::string out = head + "\n" + rule + "\n";
  for (const auto& row : table.rows) {
    out += "|";
    for (std::size_t i = 0; i < table.columns.size(); ++i)
      out += " " + (i < row.size() ? cell(row[i]) : "") + " |";
    out += "\n";
  }
  return out + "\n" + list(table.notes);
}

std::string to_markdown(const View& view) {
  std::string out = "# " + markdown_escape(view.title) + "\n\n";
  for (const std::string& sentence : view.summary) out += markdown_escape(sentence) + "\n\n";
  for (const HeadlineFact& fact : view.headline) {
    out += "- " + markdown_escape(fact.label) + ": **" + markdown_escape(fact.value) + "**";
    out += fact.note.empty() ? "\n" : " (" + markdown_escape(fact.note) + ")\n";
  }
  if (!view.headline.empty()) out += "\n";
  for (const Section& section : view.sections) {
    std::string body;
    for (const ViewTable& table : section.tables) {
      if (table.detail != Detail::headline || table.rows.empty()) continue;
      if (!table.title.empty() && table.title != section.title)
        body += "### " + markdown_escape(table.title) + "\n\n";
      body += to_markdown(table);
    }
    if (body.empty()) continue;
    out += "## " + markdown_escape(section.title) + "\n\n";
    for (const std::string& paragraph : section.paragraphs)
      out += markdown_escape(paragraph) + "\n\n";
    out += body;
  }
  out += list(view.grounds);
  if (!view.warnings.empty()) out += "## Warnings\n\n" + list(view.warnings);
  out += "## Provenance\n\n";
  for (const HeadlineFact& fact : view.provenance) {
    out += "- " + markdown_escape(fact.label) + ": " + markdown_escape(fact.value);
    out += fact.note.empty() ? "\n" : " (" + markdown_escape(fact.note) + ")\n";
  }
  return out;
}

std::string to_markdown(const Result& result) {
  return to_markdown(make_view(result));
}

}  // namespace windtunnel::reports
