#include "tests/house/source_tree.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace windtunnel::house {
namespace {

namespace fs = std::filesystem;

bool is_left_out(const std::string& name, bool at_root) {
  if (name == ".git" || name == "node_modules" || name == ".cache" || name == "__pycache__") {
    return true;
  }
  return at_root && (name.rfind("build", 0) == 0 || name == "out");
}

std::string read(const fs::path& path) {
  constexpr std::uintmax_t kLargest = 4U << 20;
  if (fs::file_size(path) > kLargest) return "";
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  return text.find('\0') == std::string::npos ? text : "";
}

std::vector<SourceFile> walk() {
  const fs::path root = WINDTUNNEL_SOURCE_DIR;
  std::vector<SourceFile> files;
  for (auto entry = fs::recursive_directory_iterator(root); entry != fs::end(entry); ++entry) {
    const std::string name = entry->path().filename().string();
    if (entry->is_directory() && is_left_out(name, entry.depth() == 0)) {
      entry.disable_recursion_pending();
    } else if (entry->is_regular_file() && name != "compile_commands.json") {
      files.push_back({fs::relative(entry->path(), root).generic_string(), read(entry->path())});
    }
  }
  std::sort(files.begin(), files.end(),
            [](const SourceFile& a, const SourceFile& b) { return a.path < b.path; });
  return files;
}

}  // namespace

const std::vector<SourceFile>& source_tree() {
  static const std::vector<SourceFile> files = walk();
  return files;
}

bool ends_with_one_of(std::string_view path, const std::vector<std::string_view>& endings) {
  return std::any_of(endings.begin(), endings.end(),
                     [&](std::string_view ending) { return path.ends_with(ending); });
}

std::string folder_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? "" : path.substr(0, slash));
}

int line_count(std::string_view text) {
  return static_cast<int>(std::count(text.begin(), text.end(), '\n'));
}

std::vector<Include> includes_of(std::string_view text) {
  std::vector<Include> found;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    at = end + 1;
    const auto skip_blanks = [&] {
      line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    };
    skip_blanks();
    if (!line.starts_with('#')) continue;
    line.remove_prefix(1);
    skip_blanks();
    if (!line.starts_with("include")) continue;
    line.remove_prefix(std::string_view("include").size());
    skip_blanks();
    if (!line.starts_with('"') && !line.starts_with('<')) continue;
    const bool quoted = line.front() == '"';
    const std::size_t close = line.find(quoted ? '"' : '>', 1);
    if (close == std::string_view::npos) continue;
    found.push_back({std::string(line.substr(1, close - 1)), quoted});
  }
  return found;
}

}  // namespace windtunnel::house
