#include "strategies/train/sample_packing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <numeric>

#include "sim/base/contract.hpp"
#include "sim/base/random.hpp"
#include "strategies/serve/length_draw.hpp"

namespace windtunnel::strategies {
namespace {

constexpr std::int64_t kShortest = 32;      // samples below cost what those of this length do
constexpr std::int64_t kPaddedShapes = 16;  // lengths of padded rows that costs are taken for
constexpr std::int64_t kPadMultiple = 8;    // padded lengths are multiples, as tensor cores want

double real(std::int64_t n) {
  return static_cast<double>(n);
}

// A length that ranks of a sequence can share.
std::int64_t granule(const TrainPlan& plan) {
  const ParallelSizes& sizes = plan.job.strategy.sizes;
  const std::int64_t tensor = plan.job.strategy.sequence_parallel ? sizes.tensor : 1;
  return std::lcm(kPadMultiple, 2 * sizes.context * tensor);
}

bool has_offsets(const TrainPlan& plan) {
  return plan.lowering.software.attention == models::AttentionKernel::fused;
}

// An encoder's sources are shorter as rows are.
void add_shape(LengthShapes& out, const models::BatchShape& full, std::int64_t sequences,
               std::int64_t length) {
  out.shapes.push_back({.sequences = sequences,
                        .query_tokens = length,
                        .encoder_tokens = full.encoder_tokens * length /
                                          std::max<std::int64_t>(1, full.query_tokens)});
  out.lengths.push_back(length);
}

// Between the two shapes around a length, linear in the length.
void add_interpolated(const LengthShapes& shapes, std::int64_t length, double share,
                      ShapeMix& mix) {
  const auto& known = shapes.lengths;  // falling
  const auto after = std::find_if(known.begin(), known.end(),
                                  [length](std::int64_t one) { return one <= length; });
  if (after == known.end()) {
    mix.back() += share;
    return;
  }
  const auto i = static_cast<std::size_t>(after - known.begin());
  if (i == 0 || known[i] == length) {
    mix[i] += share;
    return;
  }
  const double upper = real(length - known[i]) / real(known[i - 1] - known[i]);
  mix[i - 1] += share * upper;
  mix[i] += share * (1.0 - upper);
}

class Drawing {
 public:
  Drawing(const TrainPlan& plan, const LengthShapes& shapes, std::uint64_t seed, std::int64_t step)
      : plan_(plan),
        shapes_(shapes),
        lengths_(*plan.job.workload.lengths),
        random_(base::RandomStream(seed, "sample lengths").substream(fmt::format("{}", step))),
        row_(plan.job.workload.sequence_length),
        micro_batch_(plan.job.strategy.micro_batch),
        replicas_(plan.job.strategy.sizes.data) {}

  StepRows run() {
    const auto slots = static_cast<std::size_t>(replicas_ * plan_.micro_batches);
    out_.mixes.resize(slots);
    out_.tokens.assign(slots, 1.0);
    if (plan_.job.workload.packing == Packing::packed) {
      pack();
    } else {
      pad();
    }
    return std::move(out_);
  }

 private:
  std::vector<std::int64_t> draw(std::int64_t count) {
    std::vector<std::int64_t> samples(static_cast<std::size_t>(count));
    for (std::int64_t& one : samples) one = std::min(row_, lengths_.next(random_));
    return samples;
  }
  template <class Rows>
  void shuffle(Rows& rows) {
    for (std::size_t i = rows.size(); i > 1; --i) {
      std::swap(rows[i - 1],
                rows[static_cast<std::size_t>(random_.below(static_cast<std::int64_t>(i)))]);
    }
  }
  void count(std::int64_t sample) {
    out_.real_tokens += real(sample);
    out_.squares += real(sample) * real(sample);
    ++out_.samples;
  }

  // Samples enough for all rows are packed. Rows that are too many are the emptiest, which are only
  // there because the pool of samples ends; the others are put in a random order.
  void pack() {
    const std::int64_t wanted = plan_.job.workload.global_batch;
    const double mean = std::clamp(mean_length(*plan_.job.workload.lengths), 1.0, real(row_));
    std::vector<std::int64_t> samples;
    std::vector<std::vector<std::int64_t>> rows;
    while (std::ssize(rows) < wanted) {
      const double missing = real(wanted - std::ssize(rows)) * real(row_) / mean;
      const std::vector<std::int64_t> more = draw(std::llround(1.02 * missing) + 1);
      samples.insert(samples.end(), more.begin(), more.end());
      rows = pack_rows(samples, row_);
    }
    const auto filled = [](const std::vector<std::int64_t>& samples_of_row) {
      return std::accumulate(samples_of_row.begin(), samples_of_row.end(), std::int64_t{0});
    };
    std::stable_sort(rows.begin(), rows.end(),
                     [&](const auto& a, const auto& b) { return filled(a) > filled(b); });
    rows.resize(static_cast<std::size_t>(wanted));
    shuffle(rows);
    const double whole = real(row_) * real(row_);
    for (std::int64_t slot = 0; slot < std::ssize(out_.mixes); ++slot) {
      std::vector<std::int64_t> in_slot;
      for (std::int64_t i = 0; i < micro_batch_; ++i) {
        const auto& row = rows[static_cast<std::size_t>(slot * micro_batch_ + i)];
        in_slot.insert(in_slot.end(), row.begin(), row.end());
      }
      const double before = out_.squares;
      for (const std::int64_t sample : in_slot) count(sample);
      out_.computed_tokens += real(row_ * micro_batch_);
      out_.computed_squares +=
          has_offsets(plan_) ? out_.squares - before : whole * real(micro_batch_);
      out_.mixes[static_cast<std::size_t>(slot)] =
          packed_mix(shapes_, in_slot, row_ * micro_batch_);
    }
  }

  void pad() {
    const Packing packing = plan_.job.workload.packing;
    std::vector<std::int64_t> samples = draw(plan_.job.workload.global_batch);
    const bool sorted = packing == Packing::bucketed;
    if (sorted) std::sort(samples.begin(), samples.end(), std::greater<>());
    for (std::int64_t group = 0; group < std::ssize(out_.mixes); ++group) {
      std::int64_t longest = packing == Packing::padded ? row_ : 1;
      for (std::int64_t i = 0; i < micro_batch_; ++i) {
        const std::int64_t one = samples[static_cast<std::size_t>(group * micro_batch_ + i)];
        count(one);
        longest = std::max(longest, one);
      }
      const std::int64_t step = granule(plan_);
      const std::int64_t padded = std::min(row_, (longest + step - 1) / step * step);
      // Sorted groups go round the replicas, every other round backwards: neighbours are
      // micro-batch i of each.
      const std::int64_t slot =
          sorted ? replica_of(group) * plan_.micro_batches + group / replicas_ : group;
      out_.mixes[static_cast<std::size_t>(slot)] = padded_mix(shapes_, padded);
      out_.tokens[static_cast<std::size_t>(slot)] = real(padded) / real(row_);
      out_.computed_tokens += real(padded * micro_batch_);
      out_.computed_squares += real(padded) * real(padded) * real(micro_batch_);
    }
  }

  std::int64_t replica_of(std::int64_t group) const {
    const std::int64_t place = group % replicas_;
    return group / replicas_ % 2 == 0 ? place : replicas_ - 1 - place;
  }

  const TrainPlan& plan_;
  const LengthShapes& shapes_;
  LengthDraw lengths_;
  base::RandomStream random_;
  std::int64_t row_, micro_batch_, replicas_;
  StepRows out_;
};

}  // namespace

LengthShapes length_shapes(const TrainPlan& plan) {
  LengthShapes out;
  const std::int64_t row = plan.micro_batch.query_tokens, rows = plan.micro_batch.sequences;
  add_shape(out, plan.micro_batch, rows, row);
  const Packing packing = plan.job.workload.packing;
  if (!plan.job.workload.lengths || packing == Packing::padded) return out;
  const std::int64_t step = granule(plan);
  if (packing != Packing::packed) {
    for (std::int64_t i = kPaddedShapes - 1; i > 0; --i) {
      const std::int64_t length = row * i / kPaddedShapes / step * step;
      if (length >= step && length < out.lengths.back())
        add_shape(out, plan.micro_batch, rows, length);
    }
    return out;
  }
  // Halves, as long as they keep the tokens of a row.
  for (std::int64_t parts = 2; has_offsets(plan) && row % (parts * step) == 0; parts *= 2) {
    if (row / parts < kShortest) break;
    add_shape(out, plan.micro_batch, rows * parts, row / parts);
  }
  return out;
}

ShapeMix packed_mix(const LengthShapes& shapes, const std::vector<std::int64_t>& samples,
                    std::int64_t tokens) {
  ShapeMix mix(shapes.shapes.size(), 0.0);
  std::int64_t filled = 0;
  for (const std::int64_t sample : samples) {
    add_interpolated(shapes, sample, real(sample) / real(tokens), mix);
    filled += sample;
  }
  // Padding passes through all products, and attends to next to nothing.
  mix.back() += real(tokens - filled) / real(tokens);
  return mix;
}

ShapeMix padded_mix(const LengthShapes& shapes, std::int64_t length) {
  ShapeMix mix(shapes.shapes.size(), 0.0);
  add_interpolated(shapes, length, 1.0, mix);
  return mix;
}

StepRows draw_rows(const TrainPlan& plan, const LengthShapes& shapes, std::uint64_t seed,
                   std::int64_t step) {
  base::expects(plan.job.workload.lengths.has_value(), "samples of some length are drawn");
  return Drawing(plan, shapes, seed, step).run();
}

std::vector<std::vector<std::int64_t>> pack_rows(std::vector<std::int64_t> samples,
                                                 std::int64_t row) {
  std::sort(samples.begin(), samples.end(), std::greater<>());
  std::vector<std::vector<std::int64_t>> rows;
  std::multimap<std::int64_t, std::size_t> room;  // left in a row
  for (const std::int64_t sample : samples) {
    auto fits = room.lower_bound(sample);
    std::size_t into = rows.size();
    std::int64_t left = row - sample;
    if (fits == room.end()) {
      rows.emplace_back();
    } else {
      into = fits->second;
      left = fits->first - sample;
      room.erase(fits);
    }
    rows[into].push_back(sample);
    if (left > 0) room.emplace(left, into);
  }
  return rows;
}

}  // namespace windtunnel::strategies
