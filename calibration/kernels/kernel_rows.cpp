#include "calibration/kernels/kernel_rows.hpp"

#include <iterator>

namespace windtunnel::calibration {
namespace {

template <class Row>
void move_rows(std::vector<Row>& to, std::vector<Row>& from, std::int32_t shift) {
  to.reserve(to.size() + from.size());
  for (Row& row : from) {
    row.source += shift;
    to.push_back(row);
  }
}

template <class T>
void move_all(std::vector<T>& to, std::vector<T>& from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

}  // namespace

std::size_t KernelRows::size() const {
  return gemm.size() + attention.size() + moe.size() + memory.size() + launch.size() + copy.size() +
         all_reduce.size() + interference.size();
}

void KernelRows::append(KernelRows more) {
  const auto shift = static_cast<std::int32_t>(sources.size());
  move_all(sources, more.sources);
  move_rows(gemm, more.gemm, shift);
  move_rows(attention, more.attention, shift);
  move_rows(moe, more.moe, shift);
  move_rows(memory, more.memory, shift);
  move_rows(launch, more.launch, shift);
  move_rows(copy, more.copy, shift);
  move_rows(all_reduce, more.all_reduce, shift);
  move_rows(interference, more.interference, shift);
  move_all(files, more.files);
  move_all(skipped, more.skipped);
  move_all(collectives, more.collectives);
  diagnostics.append(more.diagnostics);
}

}  // namespace windtunnel::calibration
