#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <stdexcept>

#include "reports/escape.hpp"
#include "reports/html.hpp"
#include "reports/html/chart_json.hpp"
#include "reports/html/svg.hpp"
#include "sim/base/contract.hpp"
#include "sim/base/embedded.hpp"

namespace windtunnel::embedded {
std::span<const base::EmbeddedFile> web_assets();
}  // namespace windtunnel::embedded

namespace windtunnel::reports {
namespace {

std::string_view asset(std::string_view name) {
  for (const base::EmbeddedFile& file : embedded::web_assets()) {
    if (file.name.ends_with(name)) return file.content;
  }
  base::ensures(false, fmt::format("{} is embedded", name));
  return {};
}

std::string_view css_class(Mark mark) {
  switch (mark) {
    case Mark::none:
      return "";
    case Mark::best:
      return "best";
    case Mark::near_best:
      return "near";
    case Mark::bad:
      return "bad";
    case Mark::muted:
      return "muted";
  }
  return "";
}

class Page {
 public:
  std::string write(const View& view) {
    head(view);
    top(view);
    out_ += "<main>\n";
    for (const Section& one : view.sections) section(one);
    out_ += "</main>\n";
    footer(view);
    scripts();
    return std::move(out_);
  }

 private:
  void line(std::string_view text) { out_.append(text).append("\n"); }

  void head(const View& view) {
    line("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">");
    line(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src "
        "'unsafe-inline'; "
        "style-src 'unsafe-inline'; img-src data:\">");
    line("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
    line("<meta name=\"color-scheme\" content=\"light dark\">");
    line(fmt::format("<title>{}</title>", html_escape(view.title)));
    line(fmt::format("<style>\n{}</style>\n</head>\n<body>", asset("report.css")));
  }

  void top(const View& view) {
    line(fmt::format("<header>\n<h1>{}</h1>", html_escape(view.title)));
    if (!view.subtitle.empty())
      line(fmt::format("<p class=\"subtitle\">{}</p>", html_escape(view.subtitle)));
    for (const std::string& sentence : view.summary)
      line(fmt::format("<p class=\"summary\">{}</p>", html_escape(sentence)));
    if (!view.headline.empty()) {
      line("<ul class=\"cards\">");
      for (const HeadlineFact& fact : view.headline) {
        line(
            fmt::format("<li><span class=\"label\">{}</span><span class=\"value\">{}</span><span "
                        "class=\"note\">{}</span></li>",
                        html_escape(fact.label), html_escape(fact.value), html_escape(fact.note)));
      }
      line("</ul>");
    }
    if (view.sections.size() > 1) navigation(view);
    if (!view.warnings.empty()) {
      line("<div class=\"warnings\"><h2>Warnings</h2><ul>");
      for (const std::string& warning : view.warnings)
        line(fmt::format("<li>{}</li>", html_escape(warning)));
      line("</ul></div>");
    }
    line("</header>");
  }

  void navigation(const View& view) {
    line("<nav>");
    for (const Section& one : view.sections) {
      line(fmt::format("<a href=\"#{}\">{}</a>", html_escape(one.id), html_escape(one.title)));
    }
    line("</nav>");
  }

  void section(const Section& one) {
    line(fmt::format("<section id=\"{}\">\n<h2>{}</h2>", html_escape(one.id),
                     html_escape(one.title)));
    for (const std::string& paragraph : one.paragraphs)
      line(fmt::format("<p>{}</p>", html_escape(paragraph)));
    if (!one.charts.empty()) {
      line("<div class=\"charts\">");
      for (const Chart& one_chart : one.charts) chart(one_chart);
      line("</div>");
    }
    for (const ViewTable& one_table : one.tables) {
      if (one_table.rows.empty()) continue;
      if (one_table.detail == Detail::full) {
        const std::string title = one_table.title.empty() ? one.title : one_table.title;
        line(fmt::format("<details><summary>{} ({} rows)</summary>", html_escape(title),
                         one_table.rows.size()));
        table(one_table);
        line("</details>");
      } else {
        if (!one_table.title.empty())
          line(fmt::format("<h3>{}</h3>", html_escape(one_table.title)));
        table(one_table);
      }
    }
    line("</section>");
  }

  static std::vector<std::string> choices(const Chart& chart) {
    std::vector<std::string> names;
    if (const auto* heat = std::get_if<HeatChart>(&chart)) {
      for (const HeatGrid& grid : heat->grids) names.push_back(grid.name);
    } else if (const auto* timelines = std::get_if<TimelineChart>(&chart)) {
      for (const Timeline& one : timelines->timelines) names.push_back(one.name);
    }
    return names;
  }

  void chart(const Chart& chart) {
    charts_.push_back(&chart);
    const auto& [id, title] = std::visit(
        [](const auto& one) {
          return std::pair{html_escape(one.id), html_escape(one.title)};
        },
        chart);
    line(fmt::format("<figure>\n<figcaption>{}", title));
    const auto names = choices(chart);
    if (names.size() == 1) line(fmt::format("<label>{}</label>", html_escape(names.front())));
    if (names.size() > 1) {
      line(fmt::format("<label class=\"choice\">case <select id=\"select-{}\">", id));
      for (std::size_t i = 0; i < names.size(); ++i)
        line(fmt::format("<option value=\"{}\">{}</option>", i, html_escape(names[i])));
      line("</select></label>");
    }
    line(fmt::format(
        "</figcaption>\n<div class=\"chart\" id=\"chart-{}\" role=\"img\" aria-label=\"{}\"></div>",
        id, title));
    line(fmt::format("<noscript>{}</noscript>", to_svg(chart)));
    if (const auto* xy = std::get_if<XyChart>(&chart)) {
      for (const Marker& marker : xy->markers)
        line(fmt::format("<p class=\"hint\">{}</p>", html_escape(marker.label)));
    }
    if (const auto* timelines = std::get_if<TimelineChart>(&chart)) {
      const std::string note = timelines->timelines.empty() ? "" : timelines->timelines[0].note;
      line(fmt::format(
          "<p class=\"hint\" id=\"note-{}\">{}</p><p class=\"hint choice\">Zoom with the "
          "slider, or with Ctrl and the wheel.</p>",
          id, html_escape(note)));
    }
    line("</figure>");
  }

  // First column of a group, where a rule separates it from its neighbour.
  static bool starts_group(const ViewTable& table, std::size_t column) {
    return column > 0 && table.columns[column].group != table.columns[column - 1].group;
  }

  static std::string cell_class(const ViewTable& table, std::size_t column, std::string_view more) {
    std::string out(more);
    if (table.columns[column].align == Align::left) out += out.empty() ? "left" : " left";
    if (starts_group(table, column)) out += out.empty() ? "first" : " first";
    return out.empty() ? "" : " class=\"" + out + "\"";
  }

  void group_row(const ViewTable& table) {
    const bool any = std::any_of(table.columns.begin(), table.columns.end(),
                                 [](const ViewColumn& c) { return !c.group.empty(); });
    if (!any) return;
    out_ += "<tr class=\"groups\">";
    for (std::size_t i = 0; i < table.columns.size();) {
      std::size_t span = 1;
      while (i + span < table.columns.size() &&
             table.columns[i + span].group == table.columns[i].group)
        ++span;
      out_ += fmt::format("<th scope=\"colgroup\" colspan=\"{}\"{}>{}</th>", span,
                          i > 0 ? " class=\"first\"" : "", html_escape(table.columns[i].group));
      i += span;
    }
    line("</tr>");
  }

  void cell(const ViewTable& table, std::size_t column, const ViewCell& one) {
    constexpr std::size_t kLongText = 60;
    std::string text = html_escape(one.text);
    if (one.mark == Mark::best) text += " *";
    if (one.mark == Mark::near_best) text += " ~";
    const bool words = one.text.size() > kLongText && table.columns[column].align == Align::left;
    std::string css(css_class(one.mark));
    if (words) css += css.empty() ? "words" : " words";
    out_ += fmt::format("<td{}>{}</td>", cell_class(table, column, css), text);
  }

  void table(const ViewTable& table) {
    line("<div class=\"table\"><table>\n<thead>");
    group_row(table);
    out_ += "<tr>";
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
      out_ += fmt::format("<th scope=\"col\"{}>{}</th>", cell_class(table, i, ""),
                          html_escape(table.columns[i].title));
    }
    line("</tr>\n</thead>\n<tbody>");
    for (const auto& row : table.rows) {
      out_ += "<tr>";
      for (std::size_t i = 0; i < table.columns.size(); ++i)
        cell(table, i, i < row.size() ? row[i] : ViewCell{});
      line("</tr>");
    }
    line("</tbody>\n</table></div>");
    if (table.notes.empty()) return;
    line("<ul class=\"notes\">");
    for (const std::string& note : table.notes) line(fmt::format("<li>{}</li>", html_escape(note)));
    line("</ul>");
  }

  void footer(const View& view) {
    line("<footer>");
    for (const std::string& ground : view.grounds)
      line(fmt::format("<div>{}</div>", html_escape(ground)));
    line("<dl>");
    for (const HeadlineFact& fact : view.provenance) {
      line(fmt::format("<dt>{}</dt><dd>{} <code>{}</code></dd>", html_escape(fact.label),
                       html_escape(fact.value), html_escape(fact.note)));
    }
    line("</dl>\n</footer>");
  }

  // A page without charts needs no scripts.
  void scripts() {
    if (!charts_.empty()) {
      line("<noscript><style>.chart, .choice { display: none; }</style></noscript>");
      line(fmt::format("<script type=\"application/json\" id=\"charts\">{}</script>",
                       chart_json(charts_)));
      line(fmt::format("<script>{}</script>", asset("echarts.min.js")));
      line(fmt::format("<script>\n{}{}{}</script>", asset("bars.js"), asset("timeline.js"),
                       asset("report.js")));
    }
    line("</body>\n</html>");
  }

  std::string out_;
  std::vector<const Chart*> charts_;
};

}  // namespace

std::string to_html(const View& view) {
  return Page().write(view);
}
std::string to_html(const Result& result) {
  return to_html(make_view(result));
}

}  // namespace windtunnel::reports
