#include "collectives/nccl/constants.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::collectives::nccl {

std::string_view to_text(NcclAlgorithm algorithm) {
  switch (algorithm) {
    case NcclAlgorithm::tree:
      return "Tree";
    case NcclAlgorithm::ring:
      return "Ring";
    case NcclAlgorithm::collnet_direct:
      return "CollNetDirect";
    case NcclAlgorithm::collnet_chain:
      return "CollNetChain";
    case NcclAlgorithm::nvls:
      return "NVLS";
    case NcclAlgorithm::nvls_tree:
      return "NVLSTree";
    case NcclAlgorithm::pat:
      return "PAT";
  }
  return "";
}

std::string_view nccl_text(Protocol protocol) {
  switch (protocol) {
    case Protocol::automatic:
      return "auto";
    case Protocol::ll:
      return "LL";
    case Protocol::ll128:
      return "LL128";
    case Protocol::simple:
      return "Simple";
  }
  return "";
}

std::size_t index_of(NcclAlgorithm algorithm) {
  return static_cast<std::size_t>(algorithm);
}

std::size_t index_of(Protocol protocol) {
  base::expects(protocol != Protocol::automatic, "a protocol that was chosen");
  return static_cast<std::size_t>(protocol) - 1;
}

}  // namespace windtunnel::collectives::nccl
