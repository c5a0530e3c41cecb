#include "sim/engine/isolated.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <iostream>

#include "sim/base/contract.hpp"
#include "sim/base/diagnostics.hpp"

namespace windtunnel::sim {
namespace {

std::string text_of_failure(const std::function<std::string()>& work) {
  try {
    run_isolated(work);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "no failure";
}

TEST(Isolated, ReturnsTheBytesOfTheChild) {
  const std::string bytes("a\0b\n", 4);
  EXPECT_EQ(run_isolated([&] { return bytes; }), bytes);
  EXPECT_EQ(run_isolated([] { return std::string(); }), "");
}

TEST(Isolated, CarriesMoreThanAPipeHolds) {
  const std::string large(std::size_t{32} << 20, 'x');
  EXPECT_EQ(run_isolated([&] { return large; }), large);
}

TEST(Isolated, LeavesTheParentsMemoryAlone) {
  int changed = 0;
  run_isolated([&] {
    changed = 1;
    return std::string();
  });
  EXPECT_EQ(changed, 0);
}

TEST(Isolated, KeepsTheTypeAndTextOfWhatWasThrown) {
  const auto throws = [](auto exception) {
    return [exception]() -> std::string { throw exception; };
  };
  EXPECT_THROW(run_isolated(throws(base::EnvironmentError("no disk"))), base::EnvironmentError);
  EXPECT_THROW(run_isolated(throws(base::ContractViolation("bug"))), base::ContractViolation);
  EXPECT_EQ(text_of_failure(throws(std::out_of_range("too far"))), "too far");
  EXPECT_EQ(text_of_failure(throws(42)), "an exception that is no std::exception");
}

TEST(Isolated, CarriesAllDiagnosticsOfAnInputError) {
  base::Diagnostics diagnostics;
  diagnostics.error({"a.yaml", 3, 7}, "unknown key 'nods'");
  diagnostics.warning({"b.yaml", 0, 0}, "odd");
  try {
    run_isolated([&]() -> std::string { throw base::InputError(diagnostics); });
    FAIL() << "nothing was thrown";
  } catch (const base::InputError& error) {
    ASSERT_EQ(error.diagnostics().all().size(), 2u);
    EXPECT_EQ(error.diagnostics().error_count(), 1);
    EXPECT_EQ(error.diagnostics().to_text(), diagnostics.to_text());
  }
}

TEST(Isolated, NamesTheSignalThatKilledTheChild) {
  EXPECT_EQ(text_of_failure([]() -> std::string {
              ::raise(SIGKILL);
              return "";
            }),
            "the worker process was killed by signal 9 (Killed)");
}

TEST(Isolated, SaysThatAChildLeftBeforeItWasDone) {
  EXPECT_EQ(text_of_failure([]() -> std::string { ::_exit(3); }),
            "the worker process left with code 3 before its work was done");
}

TEST(Isolated, LeavesNoZombie) {
  run_isolated([] { return std::string("x"); });
  text_of_failure([]() -> std::string { ::_exit(1); });
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

TEST(Isolated, PrintsWhatTheParentHadBufferedOnceAndWhatTheChildPrints) {
  ::testing::internal::CaptureStdout();
  std::cout << "parent ";
  std::printf("too ");
  run_isolated([] {
    std::cout << "child ";
    return std::string();
  });
  std::cout << "end";
  std::cout.flush();
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "parent too child end");
}

TEST(Isolated, NestsInsideItself) {
  EXPECT_EQ(run_isolated([] { return run_isolated([] { return std::string("in"); }) + "side"; }),
            "inside");
}

}  // namespace
}  // namespace windtunnel::sim
