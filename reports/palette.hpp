// Colours that people with any common colour blindness can tell apart: Okabe and Ito, "Color
// Universal Design" (2008), without black and the yellow that is unreadable on white. Shapes tell
// series apart as well.
#pragma once

#include <array>
#include <string_view>

namespace windtunnel::reports {

inline constexpr std::array<std::string_view, 7> kPalette{
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6D31"};

// The same hues, light enough to be read on black.
inline constexpr std::array<std::string_view, 7> kPaletteOnDark{
    "#4DA3E8", "#F0803C", "#2FC79A", "#DE9CC4", "#E6B000", "#8FD0F5", "#C29E66"};

// What is no series: time in which nothing runs, and what is not shown. Below the palette's
// indices.
inline constexpr int kIdleColor = -1;
inline constexpr int kGreyColor = -2;

inline std::string_view palette_color(int index) {
  if (index == kIdleColor) return "#DDE2E8";
  if (index == kGreyColor) return "#8C8C8C";
  return kPalette[static_cast<std::size_t>(index) % kPalette.size()];
}

inline std::string_view palette_color_on_dark(int index) {
  if (index == kIdleColor) return "#343C46";
  if (index == kGreyColor) return "#8C8C8C";
  return kPaletteOnDark[static_cast<std::size_t>(index) % kPaletteOnDark.size()];
}

}  // namespace windtunnel::reports
