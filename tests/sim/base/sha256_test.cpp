// SHA-256 against the examples that NIST publishes with FIPS 180-4, and the lengths where padding
// turns over.
#include "sim/base/sha256.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace windtunnel::base {
namespace {

TEST(Sha256, GivesThePublishedDigests) {
  EXPECT_EQ(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, TellsLengthsApartAroundABlock) {
  std::set<std::string> digests;
  for (std::size_t length = 50; length <= 130; ++length) {
    digests.insert(sha256(std::string(length, '\0')));
  }
  EXPECT_EQ(digests.size(), 81U);
}

}  // namespace
}  // namespace windtunnel::base
