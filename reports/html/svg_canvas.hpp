// The few shapes that charts need, as SVG text.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace windtunnel::reports {

using SvgPoint = std::pair<double, double>;

struct SvgStyle {
  std::string_view fill = "none";
  std::string_view stroke = "none";
  double width = 1.0;
  double opacity = 1.0;
  std::string_view dash = "";  // as in stroke-dasharray
  std::string_view css = "";   // class of the style sheet
};

enum class Anchor { start, middle, end };
struct SvgText {
  std::string_view css = "";
  Anchor anchor = Anchor::start;
  double rotate = 0.0;  // degrees, around the position
};

class SvgCanvas {
 public:
  SvgCanvas(double width, double height, std::string_view title);

  void line(SvgPoint from, SvgPoint to, const SvgStyle& style);
  void polyline(const std::vector<SvgPoint>& points, const SvgStyle& style);
  void polygon(const std::vector<SvgPoint>& points, const SvgStyle& style);
  // `title` is shown by browsers as a tooltip; empty: none.
  void rect(SvgPoint corner, SvgPoint size, const SvgStyle& style, std::string_view title = "");
  // Shapes tell series apart without colour: circle, square, triangle, diamond in turn.
  void symbol(SvgPoint center, int shape, const SvgStyle& style);
  void text(SvgPoint at, std::string_view content, const SvgText& style);
  std::string take();

  // About how wide a text of the page's font is at 12 px.
  static double text_width(std::string_view content);

 private:
  void attributes(const SvgStyle& style);
  std::string out_;
};

}  // namespace windtunnel::reports
