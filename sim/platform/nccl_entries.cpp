#include "sim/platform/nccl_entries.hpp"

#include <fmt/format.h>

#include <charconv>

namespace windtunnel::sim {
namespace {

constexpr double kLargest = 1e9;  // of any number in these files; fits an int

class Reader {
 public:
  Reader(const XmlText& xml, base::Diagnostics& diagnostics)
      : xml_(xml), diagnostics_(diagnostics) {}
  NcclEntries read() {
    entries_.where = xml_.where(xml_.root());
    for (const pugi::xml_node cpu : xml_.root().children("cpu")) read_cpu(cpu);
    return std::move(entries_);
  }

 private:
  void read_cpu(pugi::xml_node cpu);
  void read_pci(pugi::xml_node pci, int pcie_switch);
  void read_gpu(pugi::xml_node pci, pugi::xml_node gpu, int pcie_switch);
  void read_nvlinks(pugi::xml_node gpu, NcclGpu& entry);
  void read_nets(pugi::xml_node nic);
  std::optional<double> number(pugi::xml_node node, const char* attribute);
  base::BytesPerSecond pcie_bandwidth(pugi::xml_node pci);
  void warn(const base::SourceLocation& where, std::string text) {
    diagnostics_.warning(where, std::move(text));
  }

  const XmlText& xml_;
  base::Diagnostics& diagnostics_;
  NcclEntries entries_;
};

std::optional<double> Reader::number(pugi::xml_node node, const char* attribute) {
  const pugi::xml_attribute found = node.attribute(attribute);
  if (!found) return std::nullopt;
  const std::string_view text = found.value();
  double value = 0.0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = result.ec == std::errc() && result.ptr == text.data() + text.size();
  if (whole && value >= 0 && value <= kLargest) return value;
  diagnostics_.error(xml_.where(node),
                     fmt::format("{}=\"{}\" of <{}> is not a number from 0 to a billion", attribute,
                                 text, node.name()));
  return std::nullopt;
}

// "32.0 GT/s PCIe" and "16"; NCCL's own files also have "Unknown speed" and width 255 in virtual
// machines.
base::BytesPerSecond Reader::pcie_bandwidth(pugi::xml_node pci) {
  const std::string_view text = pci.attribute("link_speed").value();
  double rate = 0.0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), rate);
  const double width = pci.attribute("link_width").as_double();
  const bool known = result.ec == std::errc() && rate > 0 && width > 0 && width <= 64;
  if (!known) {
    warn(xml_.where(pci),
         fmt::format("the PCIe link '{}' x '{}' is not known; taken as 16 lanes of "
                     "8 GT/s, as NCCL does",
                     text, pci.attribute("link_width").value()));
    return base::BytesPerSecond{8e9 * 16 / 8 * 128 / 130};
  }
  const double encoding = rate <= 5.0 ? 0.8 : 128.0 / 130.0;
  return base::BytesPerSecond{rate * 1e9 * width / 8 * encoding};
}

void Reader::read_cpu(pugi::xml_node cpu) {
  const std::string_view vendor = cpu.attribute("vendor").value();
  const std::string_view arch = cpu.attribute("arch").value();
  std::string kind;
  if (vendor == "GenuineIntel") kind = "intel";
  if (vendor == "AuthenticAMD") kind = "amd";
  if (arch == "arm64" || arch == "aarch64") kind = "arm";
  if (arch == "ppc64") kind = "power";
  if (entries_.cpu.empty()) entries_.cpu = kind;
  for (const pugi::xml_node pci : cpu.children("pci")) read_pci(pci, -1);
}

void Reader::read_pci(pugi::xml_node pci, int pcie_switch) {
  for (const pugi::xml_node gpu : pci.children("gpu")) read_gpu(pci, gpu, pcie_switch);
  for (const pugi::xml_node nic : pci.children("nic")) read_nets(nic);
  if (!pci.child("pci")) return;
  if (pcie_switch < 0) {
    pcie_switch = static_cast<int>(entries_.uplinks.size());
    entries_.uplinks.push_back(pcie_bandwidth(pci));
  }
  for (const pugi::xml_node below : pci.children("pci")) read_pci(below, pcie_switch);
}

void Reader::read_gpu(pugi::xml_node pci, pugi::xml_node gpu, int pcie_switch) {
  NcclGpu entry;
  entry.where = xml_.where(gpu);
  entry.bus = pci.attribute("busid").value();
  entry.device = pci.attribute("device").value();
  entry.pcie_switch = pcie_switch;
  entry.pcie = pcie_bandwidth(pci);
  const std::optional<double> dev = number(gpu, "dev");
  const std::optional<double> sm = number(gpu, "sm");
  if (!gpu.attribute("dev") || !gpu.attribute("sm")) {
    return diagnostics_.error(entry.where, "<gpu> needs dev and sm (the generation, as 90)");
  }
  if (!dev || !sm) return;
  entry.dev = static_cast<int>(*dev);
  entry.sm = static_cast<int>(*sm);
  for (const NcclGpu& other : entries_.gpus) {
    if (other.dev == entry.dev) {
      diagnostics_.error(entry.where, fmt::format("dev=\"{}\" is there twice (also at line {})",
                                                  entry.dev, other.where.line));
    }
  }
  for (const pugi::xml_node c2c : gpu.children("c2c")) {
    const double each = number(c2c, "bw").value_or(0.0);  // MB/s of one link
    entry.chip_to_chip += base::BytesPerSecond{each * 1e6 * number(c2c, "count").value_or(1.0)};
  }
  read_nvlinks(gpu, entry);
  entries_.gpus.push_back(std::move(entry));
}

void Reader::read_nvlinks(pugi::xml_node gpu, NcclGpu& entry) {
  for (const pugi::xml_node link : gpu.children("nvlink")) {
    NcclNvlink found{.target = link.attribute("target").value(), .where = xml_.where(link)};
    const std::optional<double> count = number(link, "count");
    if (count) found.count = static_cast<int>(*count);
    if (found.count < 1) {
      diagnostics_.error(found.where, "count of <nvlink> must be at least 1");
      continue;
    }
    const std::string_view target_class = link.attribute("tclass").value();
    if (target_class.starts_with("0x0680")) {
      found.kind = NvlinkTarget::nvswitch;
    } else if (target_class.starts_with("0x03")) {
      found.kind = NvlinkTarget::gpu;
    } else {
      warn(found.where,
           fmt::format("NVLink to a device of class '{}' is neither to an NVSwitch nor to a "
                       "GPU; left out",
                       target_class));
    }
    entry.nvlinks.push_back(std::move(found));
  }
}

void Reader::read_nets(pugi::xml_node nic) {
  for (const pugi::xml_node net : nic.children("net")) {
    NcclNet entry{.where = xml_.where(net)};
    const double megabits = number(net, "speed").value_or(0.0);
    entry.speed = base::BytesPerSecond{megabits * 1e6 / 8};
    if (megabits <= 0) {
      warn(entry.where, "the NIC states no speed; taken as 10 Gb/s, as NCCL does");
      entry.speed = base::BytesPerSecond{10e9 / 8};
    }
    entry.latency = base::Seconds{number(net, "latency").value_or(0.0) * 1e-6};
    if (net.attribute("gdr") && net.attribute("gdr").as_int() == 0) {
      warn(entry.where,
           fmt::format("NIC '{}' does not reach GPU memory directly (gdr=\"0\"); it is "
                       "modelled as if it did",
                       net.attribute("name").value()));
    }
    entries_.nets.push_back(entry);
  }
}

}  // namespace

NcclEntries read_nccl_entries(const XmlText& xml, base::Diagnostics& diagnostics) {
  return Reader(xml, diagnostics).read();
}

}  // namespace windtunnel::sim
