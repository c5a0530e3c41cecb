#include "reports/html/svg_canvas.hpp"

#include <fmt/format.h>

#include "reports/escape.hpp"

namespace windtunnel::reports {
namespace {

// A tenth of a pixel is finer than the eye; "-0" and trailing zeros are dropped.
std::string pixels(double value) {
  std::string text = fmt::format("{:.1f}", value);
  if (text.ends_with(".0")) text.erase(text.size() - 2);
  return text == "-0" ? "0" : text;
}

std::string list_of(const std::vector<SvgPoint>& points) {
  std::string out;
  for (const auto& [x, y] : points)
    out += fmt::format("{}{},{}", out.empty() ? "" : " ", pixels(x), pixels(y));
  return out;
}

}  // namespace

SvgCanvas::SvgCanvas(double width, double height, std::string_view title)
    : out_(fmt::format("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" "
                       "role=\"img\" aria-label=\"{}\">\n",
                       pixels(width), pixels(height), html_escape(title))) {}

void SvgCanvas::attributes(const SvgStyle& style) {
  if (!style.css.empty()) out_ += fmt::format(" class=\"{}\"", style.css);
  out_ += fmt::format(" fill=\"{}\"", style.fill);
  if (style.css.empty() && style.stroke != "none")
    out_ += fmt::format(" stroke=\"{}\"", style.stroke);
  if (style.width != 1.0) out_ += fmt::format(" stroke-width=\"{}\"", pixels(style.width));
  if (style.opacity != 1.0) out_ += fmt::format(" opacity=\"{:.2g}\"", style.opacity);
  if (!style.dash.empty()) out_ += fmt::format(" stroke-dasharray=\"{}\"", style.dash);
}

void SvgCanvas::line(SvgPoint from, SvgPoint to, const SvgStyle& style) {
  out_ += fmt::format("<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\"", pixels(from.first),
                      pixels(from.second), pixels(to.first), pixels(to.second));
  attributes(style);
  out_ += "/>\n";
}

void SvgCanvas::polyline(const std::vector<SvgPoint>& points, const SvgStyle& style) {
  out_ += fmt::format("<polyline points=\"{}\"", list_of(points));
  attributes(style);
  out_ += "/>\n";
}

void SvgCanvas::polygon(const std::vector<SvgPoint>& points, const SvgStyle& style) {
  out_ += fmt::format("<polygon points=\"{}\"", list_of(points));
  attributes(style);
  out_ += "/>\n";
}

void SvgCanvas::rect(SvgPoint corner, SvgPoint size, const SvgStyle& style,
                     std::string_view title) {
  out_ += fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"", pixels(corner.first),
                      pixels(corner.second), pixels(size.first), pixels(size.second));
  attributes(style);
  out_ += title.empty() ? "/>\n" : fmt::format("><title>{}</title></rect>\n", html_escape(title));
}

void SvgCanvas::symbol(SvgPoint center, int shape, const SvgStyle& style) {
  const auto [x, y] = center;
  constexpr double kRadius = 3.6;
  switch (shape % 4) {
    case 0:
      out_ += fmt::format("<circle cx=\"{}\" cy=\"{}\" r=\"{}\"", pixels(x), pixels(y), kRadius);
      attributes(style);
      out_ += "/>\n";
      return;
    case 1:
      return rect({x - kRadius, y - kRadius}, {2 * kRadius, 2 * kRadius}, style);
    case 2:
      return polygon({{x, y - kRadius * 1.2},
                      {x + kRadius * 1.1, y + kRadius},
                      {x - kRadius * 1.1, y + kRadius}},
                     style);
    default:
      return polygon({{x, y - kRadius * 1.3},
                      {x + kRadius * 1.3, y},
                      {x, y + kRadius * 1.3},
                      {x - kRadius * 1.3, y}},
                     style);
  }
}

void SvgCanvas::text(SvgPoint at, std::string_view content, const SvgText& style) {
  constexpr std::string_view kAnchors[] = {"start", "middle", "end"};
  out_ += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"{}\"", pixels(at.first),
                      pixels(at.second), kAnchors[static_cast<std::size_t>(style.anchor)]);
  if (!style.css.empty()) out_ += fmt::format(" class=\"{}\"", style.css);
  if (style.rotate != 0.0) {
    out_ += fmt::format(" transform=\"rotate({} {} {})\"", pixels(style.rotate), pixels(at.first),
                        pixels(at.second));
  }
  out_ += ">" + html_escape(content) + "</text>\n";
}

std::string SvgCanvas::take() {
  return std::move(out_) + "</svg>\n";
}

double SvgCanvas::text_width(std::string_view content) {
  return 6.6 * static_cast<double>(display_width(content));
}

}  // namespace windtunnel::reports
