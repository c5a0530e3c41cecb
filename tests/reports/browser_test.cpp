// The page in a real browser: every chart draws, nothing is logged to the console, nothing is
// fetched, and with scripts off the static charts are there. Skipped, with the reason, where there
// is no Chromium.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "reports/escape.hpp"
#include "reports/html.hpp"
#include "reports/write_file.hpp"
#include "tests/reports/sample.hpp"
#include "tests/reports/train_sample.hpp"

namespace windtunnel::reports {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

std::string find_chromium() {
  const char* path = std::getenv("PATH");
  if (path == nullptr) return "";
  std::string folders(path);
  for (const char* name :
       {"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"}) {
    for (std::size_t at = 0; at < folders.size();) {
      const std::size_t end = std::min(folders.find(':', at), folders.size());
      const fs::path candidate = fs::path(folders.substr(at, end - at)) / name;
      if (::access(candidate.c_str(), X_OK) == 0) return candidate.string();
      at = end + 1;
    }
  }
  return "";
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
    ++found;
  return found;
}

struct Visit {
  int exit_code = -1;
  std::string document;  // the DOM after scripts ran
  std::string log;       // what the browser wrote to stderr
};

class Browser : public ::testing::Test {
 protected:
  void SetUp() override {
    chromium_ = find_chromium();
    if (chromium_.empty())
      GTEST_SKIP() << "no Chromium on PATH: the page was not opened in a browser";
    std::string pattern = (fs::temp_directory_path() / "wt-browser-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  void TearDown() override {
    if (folder_.empty()) return;
    std::error_code ignored;  // a browser process may still be closing its files
    fs::remove_all(folder_, ignored);
  }

  Visit open(const std::string& page) {
    write_file((folder_ / "page.html").string(), page);
    const std::string command = fmt::format(
        "HOME={0} timeout 90 {1} --headless=new --no-sandbox --disable-dev-shm-usage --disable-gpu "
        "--no-first-run "
        "--disable-background-networking --disable-component-update --disable-sync "
        "--user-data-dir={0}/profile{2} "
        "--enable-logging=stderr --v=0 --virtual-time-budget=20000 --window-size=1400,2400 "
        "--dump-dom "
        "file://{0}/page.html > {0}/dom 2> {0}/log < /dev/null",
        folder_.string(), chromium_, ++visits_);
    const int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read("dom"), read("log")};
  }

  // A busy machine may spend the budget of virtual time before the last chart is on the page: up to three
  // visits, the last of which counts.
  Visit open_until_drawn(const std::string& page) {
    Visit visit = open(page);
    for (int again = 0; again < 2; ++again) {
      if (count(visit.document, "data-ink=\"") == count(visit.document, "id=\"chart-")) break;
      visit = open(page);
    }
    return visit;
  }

  std::string read(const std::string& name) const {
    std::ifstream in(folder_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }

  // Every chart reported that it was drawn, and not blank.
  static void expect_drawn(const Visit& visit, std::size_t charts) {
    ASSERT_EQ(visit.exit_code, 0) << visit.log;
    EXPECT_EQ(count(visit.document, "id=\"chart-"), charts);
    EXPECT_EQ(count(visit.document, "data-drawn=\"yes\""), charts);
    EXPECT_GE(count(visit.document, "<canvas"), charts);  // long timelines are drawn on several
    EXPECT_EQ(count(visit.document, "data-ink=\"0\""), 0U) << "a chart is blank";
    EXPECT_EQ(count(visit.document, "data-ink=\""), charts);
    EXPECT_THAT(visit.log, Not(HasSubstr("CONSOLE"))) << "something was logged to the console";
  }

  std::string chromium_;
  fs::path folder_;
  int visits_ = 0;
};

TEST_F(Browser, DrawsEveryChartOfACollectiveStudyWithoutAConsoleMessage) {
  expect_drawn(open_until_drawn(to_html(sample::collective_sweep())), 4);
}

TEST_F(Browser, DrawsPredictionsAgainstMeasurements) {
  expect_drawn(open_until_drawn(to_html(sample::validation(300))), 2);
  expect_drawn(open_until_drawn(to_html(sample::calibration())), 2);
}

TEST_F(Browser, DrawsATrainingIterationAndASweep) {
  expect_drawn(open_until_drawn(to_html(sample::training_case())),
               3);  // waterfall, memory, timeline
  expect_drawn(open_until_drawn(to_html(sample::training_sweep())), 3);  // sweep, times, memory
}

TEST_F(Browser, DrawsATimelineOfTensOfThousandsOfSpans) {
  Result result = sample::single_case();
  result.cases[0].outcome.tables["timeline"] = sample::ring_timeline(64, 400);
  const Visit visit = open_until_drawn(to_html(result));
  expect_drawn(visit, 2);
  EXPECT_THAT(visit.document, HasSubstr("spans are drawn as"));
}

TEST_F(Browser, RunsNoMarkupThatNamesOfTheResultCarry) {
  Result result = sample::collective_sweep();
  const std::string evil =
      "</script><script>console.error('ran')</script><img src=x onerror=\"console.error('ran')\">";
  result.warnings = {evil};
  for (ResultCase& one : result.cases) one.name = evil + one.name;
  result.cases[2].outcome.tables["timeline"].rows[0][3] = evil;
  expect_drawn(open_until_drawn(to_html(result)), 4);
}

// A frame in which scripts are off, in a page that reports what the frame shows: Chromium's own
// switch for scripts also switches off --dump-dom.
std::string without_scripts(const std::string& page) {
  std::string text = json_string(page);
  for (std::size_t at = text.find('<'); at != std::string::npos; at = text.find('<', at))
    text.replace(at, 1, "\\u003c");
  return R"(<!doctype html><body><iframe sandbox="allow-same-origin" style="width:1300px;height:3000px"></iframe><script>
var frame = document.querySelector('iframe');
frame.onload = function () {
  var inside = frame.contentDocument;
  if (!inside.querySelector('table')) return;  // the empty page that a frame starts with
  var charts = Array.prototype.filter.call(inside.querySelectorAll('noscript svg'), function (svg) {
    return svg.getBoundingClientRect().height > 100 && svg.querySelectorAll('polyline, rect, circle').length > 3;
  });
  document.body.dataset.charts = charts.length;
  document.body.dataset.canvases = inside.querySelectorAll('canvas').length;
  document.body.dataset.tables = inside.querySelectorAll('table').length;
};
frame.srcdoc = )" +
         text + ";</script>";
}

TEST_F(Browser, WithScriptsOffShowsStaticChartsAndTables) {
  const Visit visit = open(without_scripts(to_html(sample::collective_sweep())));
  ASSERT_EQ(visit.exit_code, 0) << visit.log;
  EXPECT_THAT(visit.document, HasSubstr("data-charts=\"4\""));
  EXPECT_THAT(visit.document, HasSubstr("data-canvases=\"0\""));
  EXPECT_THAT(visit.document, HasSubstr("data-tables=\"4\""));
}

TEST_F(Browser, SeesAnErrorWhereThereIsOne) {
  const Visit visit = open("<!doctype html><script>console.error('on purpose')</script>");
  EXPECT_THAT(visit.log, HasSubstr("CONSOLE")) << "else the other tests prove nothing";
}

}  // namespace
}  // namespace windtunnel::reports
