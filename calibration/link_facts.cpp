#include "calibration/link_facts.hpp"

#include <algorithm>
#include <array>
#include <regex>
#include <string_view>

namespace windtunnel::calibration {
namespace {

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// Of xGMI, bytes/s a link and direction that RCCL's rings get: 0.7 of the sheet, so that the seven of a
// MI300X give the 310 to 320 GB/s that rccl-tests show of all-reduce in its node.
struct Mesh {
  std::string_view part;
  double link;
};
constexpr std::array kMeshes{Mesh{"mi300", 0.7 * 64e9}, Mesh{"mi325", 0.7 * 64e9},
                             Mesh{"mi355", 0.7 * 76.8e9}};

struct GpuName {
  std::string_view part;
  int capability;
};
// First match counts, so the longer names stand first.
constexpr std::array kGpuNames{
    GpuName{"gb200", 100},    GpuName{"gb300", 103}, GpuName{"gb10", 121},
    GpuName{"gh200", 90},     GpuName{"b200", 100},  GpuName{"b300", 103},
    GpuName{"h100", 90},      GpuName{"h200", 90},   GpuName{"h800", 90},
    GpuName{"h20", 90},       GpuName{"a100", 80},   GpuName{"a800", 80},
    GpuName{"v100", 70},      GpuName{"a40", 86},    GpuName{"rtx-3090", 86},
    GpuName{"rtx-4090", 89},  GpuName{"l40", 89},    GpuName{"rtx-pro", 120},
    GpuName{"rtx-5090", 120}, GpuName{"t4", 75},     GpuName{"mi300", 90},
    GpuName{"mi325", 90},     GpuName{"mi355", 90}};

int capability_of(const std::string& gpu, bool& guessed) {
  for (const GpuName& name : kGpuNames) {
    if (has(gpu, name.part)) return name.capability;
  }
  guessed = true;
  return 90;
}

bool lacks_nvswitch(const std::string& text) {
  return has(text, "no NVSwitch") || has(text, "without NVSwitch");
}

bool is_pcie(const LinkWords& words) {
  if (has(words.interconnect, "PCIe gen") || words.interconnect.ends_with("PCIe")) return true;
  if (has(words.gpu, "pcie")) return !has(words.interconnect, "NVLink");
  return has(words.gpu, "rtx") || has(words.gpu, "a40") || has(words.gpu, "gb10") ||
         has(words.gpu, "l40") || words.gpu == "t4";
}

void set_pcie(const LinkWords& words, LinkFacts& facts) {
  facts.intra = IntraLink::pcie;
  static const std::regex kGeneration("gen([3-6])");
  std::smatch match;
  const bool stated = std::regex_search(words.interconnect, match, kGeneration);
  const int generation = stated ? match[1].str()[0] - '0' : facts.compute_capability >= 100 ? 5 : 4;
  constexpr std::array<double, 4> kRing{10e9, 20e9, 42e9, 84e9};
  facts.intra_ring = kRing[static_cast<std::size_t>(generation - 3)];
  facts.intra_channels = 2;
}

void set_nvlink(const LinkWords& words, LinkFacts& facts) {
  const int cc = facts.compute_capability;
  facts.intra_ring = cc >= 100 ? 680e9 : cc >= 90 ? 360e9 : cc >= 80 ? 240e9 : 120e9;
  facts.intra_channels = cc >= 100 ? 16 : cc >= 80 ? 12 : 6;
  if (cc == 70 && (!has(words.interconnect, "NVSwitch") || lacks_nvswitch(words.interconnect))) {
    constexpr std::array<int, 9> kRings{6, 6, 1, 2, 4, 2, 2, 4, 6};
    const int rings =
        words.gpus_per_node <= 8 ? kRings[static_cast<std::size_t>(words.gpus_per_node)] : 6;
    facts.intra_ring = 20e9 * rings;
    facts.intra_channels = 2 * rings;
  }
  facts.nvls = cc >= 90 && words.gpu != "gh200" && !lacks_nvswitch(words.interconnect) &&
               !has(words.interconnect, "bridge");
}

// Every GPU has one link to each other one of its node: as many rings as others take part.
bool set_mesh(const LinkWords& words, LinkFacts& facts) {
  for (const Mesh& mesh : kMeshes) {
    if (!has(words.gpu, mesh.part)) continue;
    const int others = std::clamp(words.gpus_per_node - 1, 1, 7);
    facts.intra_ring = mesh.link * others;
    facts.intra_channels = 4 * others;
    facts.nvls = false;
    return true;
  }
  return false;
}

Transport transport_of(const LinkWords& words) {
  const std::string& text = words.interconnect;
  if (has(text, "MNNVL") || text == "NVLink5") return Transport::nvlink;
  if (has(text, "TCP sock")) return Transport::tcp;
  if (has(text, "TCPXO")) return Transport::tcpxo;
  if (has(text, "TCPX")) return Transport::tcpx;
  if (has(text, "EFA")) return Transport::efa;
  if (has(text, "Slingshot")) return Transport::slingshot;
  if (has(text, "RoCE") || has(text, "RDMA") || has(text, "Ethernet")) return Transport::roce;
  return Transport::infiniband;
}

struct Nics {
  int count;
  double rate;  // bytes/s
};

Nics nics_of(const LinkWords& words, LinkFacts& facts) {
  constexpr double kGigabit = 1e9 / 8.0;
  if (words.nics_per_node > 0 && words.nic_rate > 0.0) return {words.nics_per_node, words.nic_rate};
  static const std::regex kCountAndRate(R"((\d{1,3})x(\d{1,4})\s*Gb/s)");
  static const std::regex kRatePerGpu(R"((\d{1,4})Gb/s per GPU)");
  const std::string& text = words.interconnect;
  std::smatch match;
  if (std::regex_search(text, match, kCountAndRate))
    return {std::stoi(match[1]), std::stoi(match[2]) * kGigabit};
  if (std::regex_search(text, match, kRatePerGpu)) return {8, std::stoi(match[1]) * kGigabit};
  facts.guessed = true;
  if (has(text, "Slingshot")) return {2, 25e9};
  if (has(text, "NDR")) return {8, 50e9};
  if (has(text, "HDR")) return {8, 25e9};
  if (has(text, "ConnectX-7")) return {1, 25e9};
  if (facts.compute_capability >= 90) return {8, 50e9};
  return {4, 25e9};
}

int nccl_minor_of(const std::string& stack) {
  static const std::regex kVersion(R"(nccl 2\.(\d{1,2}))");
  std::smatch match;
  return std::regex_search(stack, match, kVersion) ? std::stoi(match[1]) : 20;
}

}  // namespace

std::string to_text(Transport transport) {
  switch (transport) {
    case Transport::none:
      return "none";
    case Transport::infiniband:
      return "infiniband";
    case Transport::roce:
      return "roce";
    case Transport::efa:
      return "efa";
    case Transport::slingshot:
      return "slingshot";
    case Transport::tcpx:
      return "tcpx";
    case Transport::tcpxo:
      return "tcpxo";
    case Transport::tcp:
      return "tcp";
    case Transport::nvlink:
      return "nvlink";
  }
  return "none";
}

std::string LinkFacts::generation() const {
  if (intra == IntraLink::pcie) return "pcie";
  if (compute_capability >= 100) return "blackwell";
  if (compute_capability >= 90) return "hopper";
  return compute_capability >= 80 ? "ampere" : "volta";
}

LinkFacts link_facts(const LinkWords& words) {
  LinkFacts facts;
  facts.compute_capability = capability_of(words.gpu, facts.guessed);
  facts.nccl_minor = nccl_minor_of(words.stack);
  if (is_pcie(words))
    set_pcie(words, facts);
  else if (!set_mesh(words, facts))
    set_nvlink(words, facts);
  const bool gathered = transport_of(words) == Transport::nvlink;
  if (words.nodes > 1) {
    facts.transport = transport_of(words);
    const Nics nics = nics_of(words, facts);
    // Few GPUs of a node reach few of its NICs; a node with under 8 NICs is taken to share them
    // all.
    const double share = nics.count >= 8 ? std::min(1.0, words.gpus_per_node / 8.0) : 1.0;
    facts.nics = std::max(1, static_cast<int>(nics.count * share));
    facts.node_rate = gathered ? 4.0 * facts.intra_ring : nics.count * nics.rate * share;
  }
  const bool fast = facts.transport == Transport::none ||
                    facts.transport == Transport::infiniband ||
                    facts.transport == Transport::roce || gathered ||
                    facts.transport == Transport::tcpx || facts.transport == Transport::tcpxo;
  facts.ll128 = fast && facts.intra == IntraLink::nvlink && facts.compute_capability >= 70;
  return facts;
}

}  // namespace windtunnel::calibration
