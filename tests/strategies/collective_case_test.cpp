// From a workload to its cases.
#include <gtest/gtest.h>

#include <set>

#include "strategies/collective/collective_case.hpp"

namespace windtunnel::strategies {
namespace {

using collectives::Algorithm;
using collectives::Op;

CollectiveWorkload workload() {
  CollectiveWorkload out;
  out.ops = {Op::all_reduce, Op::all_gather};
  out.algorithms = {Algorithm::ring, Algorithm::hierarchical, Algorithm::automatic};
  out.sizes = {base::Bytes(1024), base::Bytes(1 << 20)};
  return out;
}

TEST(CollectiveCases, EveryOpAlgorithmAndSizeIsOneCaseWithANameOfItsOwn) {
  const auto cases = expand(workload(), 4);
  ASSERT_EQ(cases.size(), 12U);
  EXPECT_EQ(case_count(workload()), 12);
  std::set<std::string> names;
  for (const CollectiveCase& one : cases) names.insert(name_of(one));
  EXPECT_EQ(names.size(), cases.size());
  EXPECT_EQ(name_of(cases.front()), "all_reduce ring 1KiB");
  EXPECT_EQ(name_of(cases.back()), "all_gather auto 1MiB");
}

TEST(CollectiveCases, WithoutGroupsAllGpusAreOne) {
  EXPECT_EQ(expand(workload(), 4).front().groups, (std::vector<std::vector<int>>{{0, 1, 2, 3}}));
}

TEST(CollectiveCases, WhatHoldsForAllCasesIsInEachOfThem) {
  CollectiveWorkload all = workload();
  all.groups = {{0, 2}, {1, 3}};
  all.root = 1;
  all.channels = 4;
  all.chunk = base::Bytes(65536);
  all.protocol = collectives::Protocol::ll;
  all.lowering = Lowering::bulk;
  all.launch = "per_gpu_process";
  for (const CollectiveCase& one : expand(all, 4)) {
    EXPECT_EQ(one.groups, all.groups);
    EXPECT_EQ(one.root, 1);
    EXPECT_EQ(one.channels, 4);
    EXPECT_EQ(one.chunk->value(), 65536);
    EXPECT_EQ(one.protocol, collectives::Protocol::ll);
    EXPECT_EQ(one.lowering, Lowering::bulk);
    EXPECT_EQ(one.launch, "per_gpu_process");
  }
}

}  // namespace
}  // namespace windtunnel::strategies
