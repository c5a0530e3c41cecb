#include "tests/real/simt_emulator.hpp"

#include <ucontext.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "real/kernels/simt.cuh"
#include "tests/real/storage.hpp"

namespace windtunnel::real {
namespace {

constexpr int kLanes = 32;
constexpr std::size_t kStackBytes = 256 << 10;

enum class Instruction { none, block_sync, warp_sync, shuffle, load, load_transposed, fp16, bf16 };

// What a lane hands to a warp-wide instruction, and what comes back.
struct Exchange {
  Instruction instruction = Instruction::none;
  float value = 0.0F;
  int lane_mask = 0;
  const void* row = nullptr;
  std::array<std::uint32_t, 4> a{};
  std::array<std::uint32_t, 2> b{};
  std::array<float, 4> d{};
};

struct PendingCopy {
  void* to;
  const void* from;
  int valid;
};

struct Lane {
  ucontext_t context{};
  std::vector<char> stack = std::vector<char>(kStackBytes);
  int thread = 0;
  bool done = false;
  Exchange exchange;
  std::vector<PendingCopy> uncommitted;
  std::vector<std::vector<PendingCopy>> groups;
};

struct Block {
  EmulatedGrid grid;
  int x = 0, y = 0, z = 0;
  std::vector<std::unique_ptr<Lane>> lanes;
  ucontext_t scheduler{};
  Lane* running = nullptr;
  std::unique_ptr<std::byte[]> shared;
  const std::function<void(std::byte*)>* body = nullptr;
  std::string broken;
};

Block* block = nullptr;  // the one under emulation
struct Current {
  explicit Current(Block& emulated) { block = &emulated; }
  ~Current() { block = nullptr; }
  Current(const Current&) = delete;
  Current& operator=(const Current&) = delete;
};

void fiber_main() {
  (*block->body)(block->shared.get());
  block->running->done = true;
  swapcontext(&block->running->context, &block->scheduler);
}

// Gives the turn away until the instruction has been carried out for all who
// take part.
void wait_for(Instruction instruction) {
  Lane* const self = block->running;
  self->exchange.instruction = instruction;
  swapcontext(&self->context, &block->scheduler);
}

float element(Instruction format, std::uint32_t pair, int half) {
  const auto bits = static_cast<std::uint16_t>(pair >> (16 * half));
  if (format == Instruction::fp16) return simt::half_to_float(bits);
  return simt::float_of(static_cast<std::uint32_t>(bits) << 16U);
}

using Warp = std::array<Exchange*, kLanes>;

// PTX ISA, "Matrix fragments for mma.m16n8k16": group = lane / 4, t = lane % 4.
// A: registers 0..3 hold (row group, k 2t), (group + 8, 2t), (group, 2t + 8),
// (group + 8, 2t + 8). B: registers 0, 1 hold (k 2t, column group), (2t + 8,
// group). C: (group, 2t), (group + 8, 2t).
void carry_out_multiply(const Warp& warp, Instruction format) {
  float a[16][16], b[16][8];
  for (int lane = 0; lane < kLanes; ++lane) {
    const int group = lane / 4, pair = 2 * (lane % 4);
    const Exchange& e = *warp[static_cast<std::size_t>(lane)];
    for (int i = 0; i < 8; ++i) {
      const int reg = i / 2, half = i % 2;
      a[group + 8 * (reg % 2)][pair + 8 * (reg / 2) + half] =
          element(format, e.a[static_cast<std::size_t>(reg)], half);
      if (reg < 2) {
        b[pair + 8 * reg + half][group] = element(format, e.b[static_cast<std::size_t>(reg)], half);
      }
    }
  }
  for (int lane = 0; lane < kLanes; ++lane) {
    const int group = lane / 4, pair = 2 * (lane % 4);
    Exchange& e = *warp[static_cast<std::size_t>(lane)];
    for (int i = 0; i < 4; ++i) {
      const int row = group + 8 * (i / 2), column = pair + i % 2;
      double total = static_cast<double>(e.d[static_cast<std::size_t>(i)]);
      for (int k = 0; k < 16; ++k) {
        total += static_cast<double>(a[row][k]) * static_cast<double>(b[k][column]);
      }
      e.d[static_cast<std::size_t>(i)] = static_cast<float>(total);
    }
  }
}

// PTX ISA, ldmatrix: register j of lane i is the pair 2 (i mod 4) of row i / 4
// of matrix j; transposed: of column i / 4.
void carry_out_load(const Warp& warp, bool transposed) {
  for (int matrix = 0; matrix < 4; ++matrix) {
    std::uint16_t elements[8][8];
    for (int row = 0; row < 8; ++row) {
      std::memcpy(elements[row], warp[static_cast<std::size_t>(8 * matrix + row)]->row, 16);
    }
    for (int lane = 0; lane < kLanes; ++lane) {
      const int group = lane / 4, pair = 2 * (lane % 4);
      const std::uint32_t low = transposed ? elements[pair][group] : elements[group][pair];
      const std::uint32_t high = transposed ? elements[pair + 1][group] : elements[group][pair + 1];
      warp[static_cast<std::size_t>(lane)]->a[static_cast<std::size_t>(matrix)] = high << 16U | low;
    }
  }
}

void carry_out_shuffle(const Warp& warp) {
  std::array<float, kLanes> values{};
  for (std::size_t lane = 0; lane < kLanes; ++lane) values[lane] = warp[lane]->value;
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    warp[lane]->value = values[lane ^ static_cast<std::size_t>(warp[lane]->lane_mask)];
  }
}

void carry_out(const Warp& warp, Instruction instruction) {
  switch (instruction) {
    case Instruction::shuffle:
      return carry_out_shuffle(warp);
    case Instruction::load:
      return carry_out_load(warp, false);
    case Instruction::load_transposed:
      return carry_out_load(warp, true);
    case Instruction::fp16:
    case Instruction::bf16:
      return carry_out_multiply(warp, instruction);
    case Instruction::none:
    case Instruction::block_sync:
    case Instruction::warp_sync:
      return;
  }
}

void start_block(const std::function<void(std::byte*)>& body) {
  const auto bytes = static_cast<std::size_t>(block->grid.shared_bytes);
  block->shared.reset(new std::byte[bytes]);
  std::memset(block->shared.get(), 0xff, bytes);
  block->body = &body;
  for (int thread = 0; thread < block->grid.threads; ++thread) {
    Lane& lane = *block->lanes[static_cast<std::size_t>(thread)];
    lane.thread = thread;
    lane.done = false;
    lane.exchange = {};
    lane.uncommitted.clear();
    lane.groups.clear();
    getcontext(&lane.context);
    lane.context.uc_stack.ss_sp = lane.stack.data();
    lane.context.uc_stack.ss_size = lane.stack.size();
    lane.context.uc_link = nullptr;
    makecontext(&lane.context, fiber_main, 0);
  }
}

void resume(Lane& lane) {
  block->running = &lane;
  lane.exchange.instruction = Instruction::none;
  swapcontext(&block->scheduler, &lane.context);
}

// Runs the lanes of a warp from one warp-wide instruction to the next, until
// all stand at a block barrier or are done.
void run_warp(int warp) {
  for (;;) {
    Warp exchanges{};
    int waiting = 0, at_barrier = 0, done = 0;
    Instruction instruction = Instruction::none;
    for (int i = 0; i < kLanes; ++i) {
      Lane& lane = *block->lanes[static_cast<std::size_t>(warp * kLanes + i)];
      if (!lane.done && lane.exchange.instruction != Instruction::block_sync) resume(lane);
      exchanges[static_cast<std::size_t>(i)] = &lane.exchange;
      if (lane.done) {
        ++done;
      } else if (lane.exchange.instruction == Instruction::block_sync) {
        ++at_barrier;
      } else {
        if (waiting++ == 0) instruction = lane.exchange.instruction;
        if (lane.exchange.instruction != instruction) block->broken = "diverged warp";
      }
    }
    if (waiting == 0) return;
    if (waiting < kLanes) block->broken = "warp-wide instruction without all of its lanes";
    if (!block->broken.empty()) return;
    carry_out(exchanges, instruction);
  }
}

void run_block(std::mt19937_64& random) {
  std::vector<int> order(static_cast<std::size_t>(block->grid.threads / kLanes));
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int>(i);
  for (;;) {
    std::shuffle(order.begin(), order.end(), random);
    for (const int warp : order) {
      run_warp(warp);
      if (!block->broken.empty()) throw std::runtime_error(block->broken);
    }
    const auto done = std::count_if(block->lanes.begin(), block->lanes.end(),
                                    [](const auto& lane) { return lane->done; });
    if (done == block->grid.threads) return;
    // A thread that has left counts as arrived, as on the device since compute
    // capability 7.0.
    for (const auto& lane : block->lanes) {
      if (!lane->done) lane->exchange.instruction = Instruction::none;
    }
  }
}

void land(std::vector<PendingCopy>& copies) {
  for (const PendingCopy& copy : copies) {
    std::memset(copy.to, 0, 16);
    if (copy.valid > 0) std::memcpy(copy.to, copy.from, static_cast<std::size_t>(copy.valid));
  }
  copies.clear();
}

}  // namespace

void emulate(const EmulatedGrid& grid, const std::function<void(std::byte*)>& body) {
  if (grid.threads % kLanes != 0) throw std::runtime_error("threads are no whole warps");
  Block emulated;
  emulated.grid = grid;
  for (int i = 0; i < grid.threads; ++i) emulated.lanes.push_back(std::make_unique<Lane>());
  std::mt19937_64 random(grid.seed);
  const Current current(emulated);
  for (emulated.z = 0; emulated.z < grid.z; ++emulated.z) {
    for (emulated.y = 0; emulated.y < grid.y; ++emulated.y) {
      for (emulated.x = 0; emulated.x < grid.x; ++emulated.x) {
        start_block(body);
        run_block(random);
      }
    }
  }
}

namespace simt {

int thread() {
  return block->running->thread;
}
int threads() {
  return block->grid.threads;
}
int block_x() {
  return block->x;
}
int block_y() {
  return block->y;
}
int block_z() {
  return block->z;
}
int blocks_x() {
  return block->grid.x;
}
void block_sync() {
  wait_for(Instruction::block_sync);
}
void warp_sync() {
  wait_for(Instruction::warp_sync);
}

float shuffle_xor(float value, int lane_mask) {
  Exchange& exchange = block->running->exchange;
  exchange.value = value;
  exchange.lane_mask = lane_mask;
  wait_for(Instruction::shuffle);
  return exchange.value;
}

namespace {

void load(std::uint32_t (&r)[4], const void* row, Instruction instruction) {
  if (reinterpret_cast<std::uintptr_t>(row) % 16 != 0) block->broken = "ldmatrix off 16 bytes";
  Exchange& exchange = block->running->exchange;
  exchange.row = row;
  wait_for(instruction);
  std::copy(exchange.a.begin(), exchange.a.end(), r);
}

void multiply(float (&d)[4], const std::uint32_t (&a)[4], std::array<std::uint32_t, 2> b,
              Instruction format) {
  Exchange& exchange = block->running->exchange;
  std::copy(std::begin(a), std::end(a), exchange.a.begin());
  std::copy(std::begin(d), std::end(d), exchange.d.begin());
  exchange.b = b;
  wait_for(format);
  std::copy(exchange.d.begin(), exchange.d.end(), d);
}

}  // namespace

void load_matrices(std::uint32_t (&r)[4], const void* row) {
  load(r, row, Instruction::load);
}
void load_matrices_transposed(std::uint32_t (&r)[4], const void* row) {
  load(r, row, Instruction::load_transposed);
}
void multiply_add(Fp16, float (&d)[4], const std::uint32_t (&a)[4], std::uint32_t b0,
                  std::uint32_t b1) {
  multiply(d, a, {b0, b1}, Instruction::fp16);
}
void multiply_add(Bf16, float (&d)[4], const std::uint32_t (&a)[4], std::uint32_t b0,
                  std::uint32_t b1) {
  multiply(d, a, {b0, b1}, Instruction::bf16);
}

void copy_async(void* shared, const void* global, int valid) {
  if (reinterpret_cast<std::uintptr_t>(shared) % 16 != 0 ||
      reinterpret_cast<std::uintptr_t>(global) % 16 != 0) {
    block->broken = "cp.async off 16 bytes";
  }
  std::memset(shared, 0xff, 16);  // under way: neither old nor new
  block->running->uncommitted.push_back({shared, global, valid});
}
void copy_async_commit() {
  Lane& lane = *block->running;
  lane.groups.push_back(std::move(lane.uncommitted));
  lane.uncommitted.clear();
}
void copy_async_wait(int groups_left) {
  Lane& lane = *block->running;
  while (lane.groups.size() > static_cast<std::size_t>(groups_left)) {
    land(lane.groups.front());
    lane.groups.erase(lane.groups.begin());
  }
}

void atomic_add(float* address, float value) {
  *address += value;
}
void atomic_add_pair(float* address, float first, float second) {
  if (reinterpret_cast<std::uintptr_t>(address) % 8 != 0) block->broken = "pair off 8 bytes";
  address[0] += first;
  address[1] += second;
}

float half_to_float(std::uint16_t bits) {
  return static_cast<float>(double_of_half(bits));
}
std::uint16_t float_to_half(float value) {
  return half_of(static_cast<double>(value));
}
std::uint16_t float_to_bfloat16(float value) {
  return bfloat16_of(static_cast<double>(value));
}

}  // namespace simt
}  // namespace windtunnel::real
