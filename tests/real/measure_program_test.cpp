// windtunnel-measure as its user meets it: exit statuses, sentences, files.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "calibration/measurement.hpp"

namespace windtunnel::real {
namespace {

const std::string kProgram = std::string(WINDTUNNEL_BINARY_DIR) + "/windtunnel-measure";

struct Ran {
  int status = -1;
  std::string out, err;
};

std::string text_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class MeasureProgram : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() /
              ("windtunnel_measure_" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string at(const std::string& name) const { return (folder_ / name).string(); }
  Ran run(const std::string& arguments) const {
    const std::string command =
        kProgram + " " + arguments + " > " + at("out") + " 2> " + at("err") + " < /dev/null";
    const int status = std::system(command.c_str());
    return {WEXITSTATUS(status), text_of(at("out")), text_of(at("err"))};
  }

  std::filesystem::path folder_;
};

std::ptrdiff_t lines(const std::string& text) {
  return std::count(text.begin(), text.end(), '\n');
}

const std::string kTiny =
    "--device cpu gemm --grid m=8:16,n=32,k=32 --threads 1 --quick --max-time 10ms";

TEST_F(MeasureProgram, WithoutAGpuItSaysSoInASentenceAndExitsWithFour) {
  if (std::system("nvidia-smi -L > /dev/null 2>&1") == 0) GTEST_SKIP() << "there is a GPU here";
  const Ran ran = run("gemm");
  EXPECT_EQ(ran.status, 4);
  EXPECT_EQ(ran.out, "");
  EXPECT_NE(ran.err.find("CUDA"), std::string::npos) << ran.err;
  EXPECT_EQ(lines(ran.err), 1) << ran.err;
}

TEST_F(MeasureProgram, MisuseExitsWithTwoAndNothingOnStdout) {
  for (const std::string arguments :
       {"", "gem", "gemm --budget 300", "gemm --precision bf61", "gemm --grid m=1",
        "gemm --model llama9", "gemm --sizes 1", "gemm --nonsense", "gemm --list --dry-run",
        "gemm --model llama3-8b --grid m=1,n=1,k=1"}) {
    const Ran ran = run("--device cpu " + arguments);
    EXPECT_EQ(ran.status, 2) << arguments;
    EXPECT_EQ(ran.out, "") << arguments;
    EXPECT_NE(ran.err, "") << arguments;
  }
  EXPECT_NE(run("gem").err.find("did you mean 'gemm'?"), std::string::npos);
}

TEST_F(MeasureProgram, HelpGoesToStdout) {
  const Ran ran = run("--help");
  EXPECT_EQ(ran.status, 0);
  EXPECT_NE(ran.out.find("--budget"), std::string::npos);
}

TEST_F(MeasureProgram, AMalformedShapesFileExitsWithThreeAndItsPlace) {
  std::ofstream(at("shapes.csv")) << "m,n,k\n1,2,three\n";
  const Ran ran = run("--device cpu gemm --shapes " + at("shapes.csv"));
  EXPECT_EQ(ran.status, 3);
  EXPECT_NE(ran.err.find("shapes.csv:2:5: error:"), std::string::npos) << ran.err;
  EXPECT_EQ(run("--device cpu gemm --shapes " + at("none.csv")).status, 4);
}

TEST_F(MeasureProgram, VerbsThatACpuDoesNotHaveExitWithFour) {
  const Ran ran = run("--device cpu attention");
  EXPECT_EQ(ran.status, 4);
  EXPECT_NE(ran.err.find("attention"), std::string::npos);
}

TEST_F(MeasureProgram, RowsOnStdoutAreReadAsMeasurements) {
  const Ran ran = run(kTiny + " --host ''");
  ASSERT_EQ(ran.status, 0) << ran.err;
  const auto read = calibration::read_measurements(ran.out, "stdout");
  EXPECT_FALSE(read.diagnostics.has_errors()) << read.diagnostics.to_text();
  ASSERT_EQ(read.other.size(), 2u);
  for (const auto& row : read.other) {
    EXPECT_EQ(row.kind, "gemm");
    EXPECT_EQ(row.field("gpu"), "cpu");
    EXPECT_GT(std::stod(row.field("time_s")), 0.0);
    EXPECT_GE(std::stoi(row.field("samples")), 3);
    EXPECT_EQ(row.field("host"), "");
    for (const char* name : {"date", "command", "stack", "device_name", "time_min_s", "time_p90_s",
                             "ci_half_width_s", "outliers", "point"})
      EXPECT_NE(row.field(name), "") << name;
  }
}

TEST_F(MeasureProgram, ListAndDryRunMeasureNothing) {
  const Ran list = run(kTiny + " --list");
  EXPECT_EQ(list.status, 0);
  EXPECT_EQ(lines(list.out), 3);
  const Ran dry = run(kTiny + " --dry-run --out " + at("f.csv"));
  EXPECT_EQ(dry.status, 0);
  EXPECT_NE(dry.out.find("2 points to measure"), std::string::npos) << dry.out;
  EXPECT_FALSE(std::filesystem::exists(at("f.csv")));
}

TEST_F(MeasureProgram, ASecondRunMeasuresOnlyWhatIsMissing) {
  const std::string file = at("f.csv");
  ASSERT_EQ(run(kTiny + " --out " + file).status, 0);
  const std::string whole = text_of(file);
  EXPECT_EQ(lines(whole), 3);
  const Ran again = run(kTiny + " --out " + file);
  EXPECT_EQ(again.status, 0);
  EXPECT_NE(again.err.find("2 were there already"), std::string::npos) << again.err;
  EXPECT_EQ(text_of(file), whole);
  // Torn in the middle of the last row: that point is measured again.
  std::filesystem::resize_file(file, whole.size() - 20);
  const Ran repaired = run(kTiny + " --out " + file);
  EXPECT_EQ(repaired.status, 0);
  EXPECT_NE(repaired.err.find("1 of 2 points measured"), std::string::npos) << repaired.err;
  EXPECT_EQ(lines(text_of(file)), 3);
}

TEST_F(MeasureProgram, ABudgetEndsTheRunInTimeAndTheNextGoesOn) {
  const std::string arguments =
      "--device cpu gemm --grid m=64..512+8,n=256,k=256 --threads 1 --quick --out " + at("f.csv");
  const auto start = std::chrono::steady_clock::now();
  const Ran ran = run(arguments + " --budget 200ms");
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
  EXPECT_EQ(ran.status, 0);
  EXPECT_NE(ran.err.find("left for want of time"), std::string::npos) << ran.err;
  // One point more than the budget allows takes its warm-up and its sampling, 0.3 s; the rest is
  // room for a busy machine.
  EXPECT_LT(taken.count(), 5.0);
  const std::ptrdiff_t before = lines(text_of(at("f.csv")));
  EXPECT_EQ(run(arguments + " --budget 200ms").status, 0);
  EXPECT_GT(lines(text_of(at("f.csv"))), before);
}

TEST_F(MeasureProgram, CtrlCKeepsWhatIsMeasuredAndExitsWith130) {
  const std::string file = at("f.csv");
  const pid_t child = ::fork();
  if (child == 0) {
    std::freopen("/dev/null", "w", stderr);
    ::execl(kProgram.c_str(), kProgram.c_str(), "--device", "cpu", "gemm", "--grid",
            "m=64..4096+8,n=512,k=512", "--threads", "1", "--out", file.c_str(), nullptr);
    ::_exit(99);
  }
  for (int i = 0; i < 400 && lines(text_of(file)) < 3; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  ::kill(child, SIGINT);
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 130);
  const std::string kept = text_of(file);
  EXPECT_GE(lines(kept), 3);
  EXPECT_EQ(kept.back(), '\n');
  EXPECT_FALSE(calibration::read_measurement_file(file).diagnostics.has_errors());
}

TEST_F(MeasureProgram, AFileThatIsNotItsOwnIsLeftAlone) {
  std::ofstream(at("f.csv")) << "kind,time_s\n";
  const Ran ran = run(kTiny + " --out " + at("f.csv"));
  EXPECT_EQ(ran.status, 3);
  EXPECT_EQ(text_of(at("f.csv")), "kind,time_s\n");
  EXPECT_EQ(run(kTiny + " --out /nowhere/f.csv").status, 4);
}

TEST_F(MeasureProgram, CollectivesBetweenProcessesAreMeasuredAndRight) {
  if (std::system("command -v mpirun > /dev/null") != 0 ||
      !std::filesystem::exists(kProgram + "-mpi"))
    GTEST_SKIP() << "no MPI here";
  const Ran ran = run(
      "--device cpu collective --sizes 1KiB..16KiB*16 --ranks 2 --quick --max-time 20ms --out " +
      at("f.csv"));
  ASSERT_EQ(ran.status, 0) << ran.err;
  const auto read = calibration::read_measurement_file(at("f.csv"));
  EXPECT_TRUE(read.skipped.empty());
  EXPECT_EQ(read.collectives.size(), 10u);  // five operations at two sizes
  for (const auto& row : read.collectives) {
    EXPECT_EQ(row.ranks(), 2);
    EXPECT_EQ(row.launch, "process");
  }
}

std::string output_of(const std::string& command) {
  std::string output;
  std::FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return output;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) output += static_cast<char>(c);
  ::pclose(pipe);
  return output;
}

TEST_F(MeasureProgram, LinksNeitherSimgridNorMpiNorReportsAndIsBelow30Megabytes) {
  const std::string libraries = output_of("ldd " + kProgram);
  ASSERT_NE(libraries.find("libc.so"), std::string::npos) << libraries;
  EXPECT_EQ(libraries.find("libsimgrid"), std::string::npos);
  EXPECT_EQ(libraries.find("libmpi"), std::string::npos);
  const std::string symbols = output_of("nm -C --defined-only " + kProgram + " 2> /dev/null");
  if (!symbols.empty()) {
    EXPECT_EQ(symbols.find("windtunnel::reports::"), std::string::npos);
    EXPECT_EQ(symbols.find("windtunnel::scenarios::"), std::string::npos);
    EXPECT_EQ(symbols.find("simgrid::"), std::string::npos);
  }
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  for (const char* other : {"libfmt", "libyaml", "libsqlite3", "libgomp"})
    EXPECT_EQ(libraries.find(other), std::string::npos) << libraries;
  EXPECT_LT(std::filesystem::file_size(kProgram), 30'000'000u);
#endif
}

}  // namespace
}  // namespace windtunnel::real
