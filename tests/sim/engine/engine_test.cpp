// What both engines promise (sim/engine/engine.hpp).
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "sim/base/contract.hpp"
#include "tests/sim/engine/networks.hpp"
#include "tests/sim/engine/ring_driver.hpp"

namespace windtunnel::sim::testing {
namespace {

using Engines = EachEngine;
INSTANTIATE_TEST_SUITE_P(Both, Engines,
                         ::testing::Values(EngineKind::analytic, EngineKind::simgrid), engine_name);

constexpr double kExact = 1e-12;  // sums of a few doubles

TEST_P(Engines, CallBackAtTheTimeAskedForInOrderOfTimeThenOfSubmission) {
  const Network network = star(2);
  const auto seen = run(network, [](Engine& engine) {
    std::vector<double> log;
    const auto note = [&](double tag) {
      return [&log, &engine, tag] { log.insert(log.end(), {tag, engine.now().value()}); };
    };
    engine.after(Seconds(2), note(1));
    engine.after(Seconds(1), note(2));
    engine.after(Seconds(1), note(3));
    engine.after(Seconds(0), [&, note] {
      note(4)();
      engine.after(Seconds(0), note(5));
      engine.after(Seconds(0.5), note(6));
    });
    engine.run();
    return log;
  });
  EXPECT_EQ(seen, (std::vector<double>{4, 0, 5, 0, 6, 0.5, 2, 1, 3, 1, 1, 2}));
}

TEST_P(Engines, RunAgainGoesOnWhereTheClockStands) {
  const Network network = star(2);
  const auto seen = run(network, [&](Engine& engine) {
    std::vector<double> log;
    engine.transfer({network.gpu(0), network.gpu(1), Bytes(kBandwidth)}, [] {});
    engine.run();
    log.push_back(engine.now().value());
    engine.after(Seconds(1), [] {});
    engine.run();
    log.push_back(engine.now().value());
    engine.run();
    log.push_back(engine.now().value());
    return log;
  });
  EXPECT_NEAR(seen[0], 1 + 2 * kNicLatency, kExact);
  EXPECT_NEAR(seen[1], 2 + 2 * kNicLatency, kExact);
  EXPECT_EQ(seen[1], seen[2]);
}

TEST_P(Engines, WorkOnOneStreamIsInOrderAndStreamsRunSideBySide) {
  const Network network = star(2);
  const auto seen = run(network, [&](Engine& engine) {
    std::vector<double> log;
    const auto note = [&] { log.push_back(engine.now().value()); };
    engine.compute(network.gpu(0), 0, Seconds(3), note);
    engine.compute(network.gpu(0), 0, Seconds(1), note);
    engine.compute(network.gpu(0), 1, Seconds(2), note);
    engine.compute(network.gpu(1), 0, Seconds(1), note);
    engine.run();
    return log;
  });
  EXPECT_EQ(seen, (std::vector<double>{1, 2, 3, 4}));
}

TEST_P(Engines, ATransferAloneTakesItsLatencyPlusBytesOverTheNarrowestLink) {
  const Network network = star(4);
  for (const double bytes : {1.0, 4096.0, 1e6, 1e9, 3.3e11}) {
    const auto seen = run(network, [&](Engine& engine) {
      engine.transfer({network.gpu(0), network.gpu(3), Bytes(bytes)}, [] {});
      engine.run();
      return std::vector<double>{engine.now().value()};
    });
    EXPECT_NEAR(seen[0] / (2 * kNicLatency + bytes / kBandwidth), 1.0, 1e-12) << bytes;
  }
}

TEST_P(Engines, NoBytesTakeTheLatencyAndWaitForNobody) {
  const Network network = star(4);
  const auto seen = run(network, [&](Engine& engine) {
    std::vector<double> log;
    engine.transfer({network.gpu(0), network.gpu(1), Bytes(kBandwidth)}, [] {});
    engine.transfer({network.gpu(0), network.gpu(1), Bytes(0)},
                    [&] { log.push_back(engine.now().value()); });
    engine.run();
    return log;
  });
  EXPECT_NEAR(seen.at(0), 2 * kNicLatency, kExact);
}

TEST_P(Engines, FractionsOfAByteCount) {
  const Network network = star(2);
  const auto seen = run(network, [&](Engine& engine) {
    engine.transfer({network.gpu(0), network.gpu(1), Bytes(100.0 / 3.0)}, [] {});
    engine.run();
    return std::vector<double>{engine.now().value()};
  });
  EXPECT_NEAR(seen[0], 2 * kNicLatency + 100.0 / 3.0 / kBandwidth, 1e-15);  // 2^-17 byte
}

TEST_P(Engines, AnEndpointToItselfTakesTheExtraLatencyOnly) {
  const Network network = star(2);
  const auto seen = run(network, [&](Engine& engine) {
    std::vector<double> log;
    const auto note = [&] { log.push_back(engine.now().value()); };
    engine.transfer({network.gpu(0), network.gpu(0), Bytes(1e9), Seconds(0.25)}, note);
    engine.transfer({network.gpu(1), network.gpu(1), Bytes(1e9)}, note);
    engine.run();
    return log;
  });
  EXPECT_EQ(seen, (std::vector<double>{0, 0.25}));
}

TEST_P(Engines, ExtraLatencyComesFirstAndARateLimitHolds) {
  const Network network = star(2);
  const auto seen = run(network, [&](Engine& engine) {
    engine.transfer({.from = network.gpu(0),
                     .to = network.gpu(1),
                     .bytes = Bytes(kBandwidth),
                     .extra_latency = Seconds(0.5),
                     .rate_limit = BytesPerSecond(kBandwidth / 4)},
                    [] {});
    engine.run();
    return std::vector<double>{engine.now().value()};
  });
  EXPECT_NEAR(seen[0], 0.5 + 2 * kNicLatency + 4.0, kExact * 10);
}

// A start-up of 1 s must not keep the port from a transfer that is ready at once.
TEST_P(Engines, ATransferInItsStartUpHoldsNoPort) {
  const Network network = star(3);
  const auto seen = run(network, [&](Engine& engine) {
    std::vector<double> log;
    engine.transfer({network.gpu(0), network.gpu(1), Bytes(kBandwidth), Seconds(1)},
                    [&] { log.push_back(engine.now().value()); });
    engine.transfer({network.gpu(0), network.gpu(2), Bytes(kBandwidth / 2)},
                    [&] { log.push_back(engine.now().value()); });
    engine.run();
    return log;
  });
  EXPECT_NEAR(seen.at(0), 0.5 + 2 * kNicLatency, kExact);
  EXPECT_NEAR(seen.at(1), 2.0 + 2 * kNicLatency, kExact);
}

TEST_P(Engines, EveryPortIsBusyNoLessThanItsBytesNeed) {
  constexpr int kRanks = 6;
  const Network network = star(kRanks);
  const auto seen = run(network, [&](Engine& engine) {
    for (int from = 0; from < kRanks; ++from) {
      for (int hop = 1; hop < kRanks; ++hop) {
        engine.transfer({network.gpu(from), network.gpu((from + hop) % kRanks), Bytes(kBandwidth)},
                        [] {});
      }
    }
    engine.run();
    return std::vector<double>{engine.now().value(), static_cast<double>(engine.events())};
  });
  // Direct all-to-all keeps every port busy from the start to the end on either engine.
  EXPECT_NEAR(seen[0], kRanks - 1 + 2 * kNicLatency, 1e-9);
  EXPECT_EQ(seen[1], kRanks * (kRanks - 1));
}

TEST_P(Engines, ManyIntoOneTakeAsLongAsTheReceiversPort) {
  constexpr int kSenders = 7;
  const Network network = star(kSenders + 1);
  const auto seen = run(network, [&](Engine& engine) {
    for (int i = 1; i <= kSenders; ++i) {
      engine.transfer({network.gpu(i), network.gpu(0), Bytes(kBandwidth)}, [] {});
    }
    engine.run();
    return std::vector<double>{engine.now().value()};
  });
  EXPECT_NEAR(seen[0], kSenders + 2 * kNicLatency, 1e-9);
}

TEST_P(Engines, RingAllReduceEqualsItsClosedForm) {
  for (const int ranks : {2, 3, 8, 32, 100}) {
    const Network network = star(ranks);
    constexpr double kSize = 1 << 26;
    const auto seen = run(network, [&](Engine& engine) {
      RingDriver ring(engine, all_gpus(network), Bytes(kSize));
      return std::vector<double>{ring.run().value(), static_cast<double>(engine.events()),
                                 static_cast<double>(ring.messages())};
    });
    const double expected = 2.0 * (ranks - 1) * (2 * kNicLatency + kSize / (ranks * kBandwidth));
    // The issue asks for 1e-6; rounding of 2(n-1) additions stays below 1e-12.
    EXPECT_NEAR(seen[0] / expected, 1.0, 1e-12) << ranks;
    EXPECT_EQ(seen[1], seen[2]) << "one callback a message";
  }
}

TEST_P(Engines, BytesByLinkAddUpToWhatWasSent) {
  const Network network = network_of(fat_tree_cluster(16, 8, 2));
  const auto carried =
      run(network,
          [&](Engine& engine) {
            for (int from = 0; from < 16; ++from) {
              for (int to = 0; to < 16; ++to) {
                engine.transfer({network.gpu(from), network.gpu(to), Bytes(1000.0 * (from + 1))},
                                [] {});
              }
            }
            engine.run();
            return engine.bytes_by_link();
          },
          {.record_links = true});
  ASSERT_EQ(carried.size(), network.links().size());
  double sent = 0;
  double received = 0;
  double hops = 0;
  for (int from = 0; from < 16; ++from) {
    for (int to = 0; to < 16; ++to) {
      if (from == to) continue;
      const Route route = network.route(network.gpu(from), network.gpu(to));
      hops += static_cast<double>(route.links.size()) * 1000.0 * (from + 1);
    }
    const Route out = network.route(network.gpu(from), network.gpu((from + 1) % 16));
    const Route in = network.route(network.gpu((from + 1) % 16), network.gpu(from));
    sent += carried[out.out_port.slot()];
    received += carried[in.in_port.slot()];
  }
  EXPECT_DOUBLE_EQ(sent, 15 * 1000.0 * 136);
  EXPECT_DOUBLE_EQ(received, sent);
  EXPECT_DOUBLE_EQ(std::accumulate(carried.begin(), carried.end(), 0.0), hops);
}

TEST_P(Engines, RecordNoLinksUnlessAsked) {
  const Network network = star(2);
  const auto seen = run(network, [&](Engine& engine) {
    engine.transfer({network.gpu(0), network.gpu(1), Bytes(1)}, [] {});
    engine.run();
    return engine.bytes_by_link();
  });
  EXPECT_TRUE(seen.empty());
}

TEST_P(Engines, TheSameRunTwiceGivesTheSameBits) {
  const Network network = network_of(fat_tree_cluster(32, 8, 4));
  const auto once = [&] {
    return run(network, [&](Engine& engine) {
      std::vector<double> ends;
      for (int from = 0; from < 32; ++from) {
        for (int hop = 1; hop < 32; hop += 3) {
          engine.transfer({network.gpu(from), network.gpu((from + hop) % 32), Bytes(1e6 + hop)},
                          [&] { ends.push_back(engine.now().value()); });
        }
      }
      engine.run();
      return ends;
    });
  };
  const auto first = once();
  EXPECT_EQ(first.size(), 32u * 11u);
  EXPECT_EQ(first, once());
}

TEST_P(Engines, AnExceptionOfACallbackComesOutOfRunAndNobodyIsCalledAfterIt) {
  const Network network = star(2);
  const auto seen = run(network, [&](Engine& engine) {
    double called_later = 0;
    double caught = 0;
    engine.transfer({network.gpu(0), network.gpu(1), Bytes(1e9)},
                    [] { throw base::EnvironmentError("out of paper"); });
    engine.after(Seconds(100), [&] { called_later = 1; });
    try {
      engine.run();
    } catch (const base::EnvironmentError& error) {
      caught = std::string(error.what()) == "out of paper" ? 1 : 0;
    }
    return std::vector<double>{caught, called_later};
  });
  EXPECT_EQ(seen, (std::vector<double>{1, 0}));
}

TEST_P(Engines, RefuseWhatMakesNoSense) {
  const Network network = star(2);
  const auto seen = run(network, [&](Engine& engine) {
    double refused = 0;
    const auto refuses = [&](const std::function<void()>& call) {
      try {
        call();
      } catch (const base::ContractViolation&) {
        ++refused;
      }
    };
    const EndpointId a = network.gpu(0);
    const EndpointId b = network.gpu(1);
    refuses([&] { engine.after(Seconds(-1), [] {}); });
    refuses([&] { engine.after(Seconds(std::nan("")), [] {}); });
    refuses([&] { engine.compute(a, 0, Seconds::infinity(), [] {}); });
    refuses([&] { engine.transfer({a, b, Bytes(-1)}, [] {}); });
    refuses([&] { engine.transfer({a, EndpointId::none(), Bytes(1)}, [] {}); });
    refuses([&] { engine.transfer({a, EndpointId(1000), Bytes(1)}, [] {}); });
    refuses([&] { engine.transfer({a, b, Bytes(1), Seconds(0), BytesPerSecond(0)}, [] {}); });
    engine.run();
    return std::vector<double>{refused, engine.now().value()};
  });
  EXPECT_EQ(seen, (std::vector<double>{7, 0}));
}

TEST(EngineKinds, HaveNamesThatReadBack) {
  for (const EngineKind kind : {EngineKind::automatic, EngineKind::analytic, EngineKind::simgrid}) {
    EXPECT_EQ(engine_from_text(to_text(kind)), kind);
  }
  EXPECT_EQ(engine_from_text("ns3"), std::nullopt);
}

}  // namespace
}  // namespace windtunnel::sim::testing
